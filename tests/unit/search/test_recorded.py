from pathlib import Path
from typing import Any

import pytest

from ftlab.config.trial import TrialConfig
from ftlab.search.recorded import RecordedTrials
from ftlab.search.verdict import SeedResult
from ftlab.study.spec import Trial
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

METRIC = "probe/top1"
TRIAL = Trial("key", "cell", "a", TrialConfig(), "data")
FINISHED = Outcome(TrialStatus.FINISHED)
PRUNED = Outcome(TrialStatus.PRUNED, "stopped early")


def recorded(folder: Path, rows: list[dict[str, Any]] | None = None) -> RecordedTrials:
    return RecordedTrials(Journal(folder), trials_frame(rows or []), study="s/tiny", metric=METRIC, devices=2.0)


def row(status: str, reason: str = "", study: str = "momentum/tiny") -> dict[str, Any]:
    names = {"trial_key": "key", "cell_key": "cell", "seed": 0, "experiment": "e", "name": "n", "run_id": "r"}
    metrics = {METRIC: 80.0, "knn/top1": 70.0, "train_seconds": 18.0}
    return {**names, "status": status, "reason": reason, "study": study, **metrics}


def write(folder: Path, outcome: Outcome | None, study: str) -> None:
    journal = Journal(folder)
    journal.append_trial(TrialRecord("key", "cell", 0, study, "n", {}))
    metrics = {METRIC: 81.0, "knn/top1": 71.0, "train_seconds": 1800.0}
    journal.append_epochs("key", [EpochResult(number, 0.0, metrics) for number in (1, 2)])
    if outcome:
        journal.append_outcome("key", outcome)


@pytest.mark.parametrize(("status", "reason"), [("finished", ""), ("collapsed", "flat"), ("failed", "diverged: NaN")])
def test_the_store_answers_for_any_experiment(status: str, reason: str, tmp_path: Path) -> None:
    # 100 epochs of 18 seconds on two devices are an hour.
    found = recorded(tmp_path, [row(status, reason)]).find(TRIAL)
    assert found == SeedResult(Outcome(TrialStatus(status), reason), 80.0, 70.0, 1.0)


def test_the_journal_goes_before_the_store(tmp_path: Path) -> None:
    write(tmp_path, FINISHED, "momentum/tiny")
    assert recorded(tmp_path, [row("interrupted")]).find(TRIAL) == SeedResult(FINISHED, 81.0, 71.0, 2.0)


@pytest.mark.parametrize(("status", "reason"), [("running", ""), ("interrupted", ""), ("failed", "disk full")])
def test_what_did_not_end_of_its_own_must_be_trained(status: str, reason: str, tmp_path: Path) -> None:
    assert recorded(tmp_path, [row(status, reason)]).find(TRIAL) is None
    write(tmp_path, Outcome(TrialStatus(status), reason) if status != "running" else None, "s/tiny")
    assert recorded(tmp_path).find(TRIAL) is None
    assert recorded(tmp_path / "empty").find(TRIAL) is None


@pytest.mark.parametrize(("study", "is_answer"), [("s/tiny", True), ("other/tiny", False)])
def test_a_trial_counts_as_stopped_for_the_search_that_stopped_it(study: str, is_answer: bool, tmp_path: Path) -> None:
    assert (recorded(tmp_path, [row("pruned", study=study)]).find(TRIAL) is not None) == is_answer
    write(tmp_path, PRUNED, study)
    assert (recorded(tmp_path).find(TRIAL) is not None) == is_answer
