from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.tracking.journal import Journal
from ftlab.tracking.records import StudyRecord, TrialRecord
from ftlab.training.epoch_result import EpochResult


@pytest.fixture
def study() -> StudyRecord:
    return StudyRecord("momentum", "momentum/digits", {"profile": "digits"})


@pytest.fixture
def make_trial(study: StudyRecord) -> Callable[..., TrialRecord]:
    def make(trial_key: str = "a1", seed: int = 0, **changes: object) -> TrialRecord:
        fields = {
            "cell_key": "cell",
            "study": study.study,
            "name": f"seed {seed}",
            "params": {"method.key_momentum": "0.99"},
            "tags": {"git.commit": "abc"},
            **changes,
        }
        return TrialRecord(trial_key=trial_key, seed=seed, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_epoch() -> Callable[..., EpochResult]:
    def make(epoch: int, loss: float | None = None) -> EpochResult:
        metrics = {"pretrain/loss": 1.0 / epoch if loss is None else loss, "probe/top1": 10.0 * epoch}
        return EpochResult(
            epoch,
            1_700_000_000.0 + epoch,
            metrics,
            {"scores/positive": [epoch, 2, 3]},
            steps={"step": [2.0 * epoch - 1, 2.0 * epoch], "scores/positive_mean": [0.5, 0.1 * epoch]},
            gradient_norms={"head": 0.25, "backbone": float(epoch)},
        )

    return make


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "trials")
