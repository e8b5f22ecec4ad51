import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from ftlab.tracking.mlflow_tracker import MlflowTracker
from ftlab.tracking.tracker import EpochRecord, StudyRecord, TrialRecord
from ftlab.tracking.tracking_uri import default_tracking_uri


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A new SQLite store and what its first start printed; its migration takes seconds, so tests work on copies."""
    home = tmp_path_factory.mktemp("migrated")
    with redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        MlflowTracker(default_tracking_uri(home))
    return home / "mlflow.db", printed.getvalue()


@pytest.fixture
def store_uri(first_start: tuple[Path, str], tmp_path: Path) -> str:
    database, _ = first_start
    shutil.copy(database, tmp_path)
    return default_tracking_uri(tmp_path)


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
def make_epoch() -> Callable[..., EpochRecord]:
    def make(epoch: int, loss: float | None = None) -> EpochRecord:
        metrics = {"pretrain/loss": 1.0 / epoch if loss is None else loss, "probe/top1": 10.0 * epoch}
        return EpochRecord(
            epoch,
            1_700_000_000.0 + epoch,
            metrics,
            {"scores/positive": [epoch, 2, 3]},
            steps={"step": [2.0 * epoch - 1, 2.0 * epoch], "scores/positive_mean": [0.5, 0.1 * epoch]},
            gradient_norms={"head": 0.25, "backbone": float(epoch)},
        )

    return make
