from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ftlab.errors import TrackingError
from ftlab.importing.delivery import DESCRIPTION, Delivery
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

# isort: split
# The variables that MLflow reads when it is imported are set by now.
from mlflow import MlflowClient

Lab = Any  # of conftest.py
Refuses = Callable[[str], bool]


class WatchedTracker(MemoryTracker):
    """Counts what it opens and records, and refuses what it is told to."""

    def __init__(self, refuses: Refuses = lambda _: False) -> None:
        super().__init__()
        self.refuses = refuses
        self.opened: list[str] = []
        self.num_records = 0

    def open_study(self, study: StudyRecord) -> None:
        self.opened.append(study.study)
        super().open_study(study)

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        if self.refuses(trial.study):
            raise TrackingError(f"{trial.study} is refused")
        self.num_records += 1
        super().record_trial(trial, epochs, outcome)


def deliver(lab: Lab, tracker: MemoryTracker | MlflowTracker) -> Delivery:
    delivery = Delivery(tracker, lab.journal, tracker.load_trials())
    delivery.run(sorted(path.stem for path in lab.trials.iterdir()))
    return delivery


def test_ended_trials_are_delivered_under_their_study_and_once(lab: Lab) -> None:
    told = Outcome(TrialStatus.COLLAPSED, "flat", {"train.compiled": "no"})
    keys = sorted([lab.record(0).stem, lab.record(1, outcome=told, study="other/tiny").stem])
    lab.record(2, outcome=None)
    tracker = WatchedTracker()
    delivery = deliver(lab, tracker)
    assert (delivery.delivered, delivery.undelivered, delivery.problem) == (keys, [], "")
    frame = tracker.load_trials().set_index("seed").sort_index()
    assert frame[["experiment", "study", "status", "reason"]].values.tolist() == [
        ["exp", "exp/tiny", "finished", ""],
        ["other", "other/tiny", "collapsed", "flat"],
    ]
    assert frame["tags"][1]["train.compiled"] == "no"
    assert frame["tags"][0]["hardware.device"] == "NVIDIA H100"
    assert {study: (end.description, end.complete) for study, end in tracker.study_ends.items()} == {
        "exp/tiny": (DESCRIPTION, True),
        "other/tiny": (DESCRIPTION, True),
    }
    again = deliver(lab, tracker)
    assert (again.delivered, again.undelivered, tracker.num_records, len(tracker.opened)) == ([], [], 2, 2)


def test_a_study_that_is_there_is_not_opened_again(lab: Lab) -> None:
    tracker = WatchedTracker()
    tracker.open_study(StudyRecord("exp", "exp/tiny", {"ftlab.question": "?"}))
    tracker.close_study("exp/tiny", description="# A table", artifacts=None, complete=False)
    lab.record()
    assert len(deliver(lab, tracker).delivered) == 1
    assert tracker.opened == ["exp/tiny"]
    assert tracker.study_ends["exp/tiny"].description == "# A table"


def test_a_study_that_is_refused_holds_up_no_other(lab: Lab) -> None:
    for seed in range(3):
        lab.record(seed, study="bad/tiny")
    good = lab.record(3, study="good/tiny").stem
    tracker = WatchedTracker(refuses=lambda study: study == "bad/tiny")
    delivery = deliver(lab, tracker)
    assert delivery.delivered == [good]
    assert len(delivery.undelivered) == 3
    assert delivery.problem == "bad/tiny is refused"
    assert {study: end.complete for study, end in tracker.study_ends.items()} == {"bad/tiny": False, "good/tiny": True}
    tracker.refuses = lambda _: False
    assert len(deliver(lab, tracker).delivered) == 3


@pytest.mark.parametrize(
    ("there", "delivered"),
    [
        (Outcome(TrialStatus.INTERRUPTED), ["finished", "failed"]),
        (Outcome(TrialStatus.FAILED, "it died"), ["finished"]),
        (Outcome(TrialStatus.FAILED, "diverged: NaN"), []),
        (Outcome(TrialStatus.FINISHED), []),
        (None, ["finished", "failed"]),
    ],
)
def test_what_the_store_knows_stands_unless_it_is_no_result(
    lab: Lab, there: Outcome | None, delivered: list[str]
) -> None:
    lab.record(0)
    lab.record(1, outcome=Outcome(TrialStatus.FAILED, "out of memory"))
    tracker = WatchedTracker()
    tracker.open_study(StudyRecord("exp", "exp/tiny"))
    for path in lab.trials.iterdir():
        entry = lab.journal.read(path.stem)
        tracker.open_trial(entry.trial)
        if there is not None:
            tracker.close_trial(path.stem, there)
    keys = deliver(lab, tracker).delivered
    assert [
        str(tracker.outcomes[key].status) for key in sorted(keys, key=lambda key: tracker.trials[key].seed)
    ] == delivered


@pytest.mark.slow
def test_in_mlflow_no_run_stays_running_and_a_study_keeps_what_it_said(lab: Lab, store_uri: str) -> None:
    there = MlflowTracker(store_uri)
    there.open_study(StudyRecord("exp", "exp/tiny"))
    there.close_study("exp/tiny", description="# A table", artifacts=None, complete=False)
    lab.record(0)
    lab.record(1, study="new/tiny", outcome=Outcome(TrialStatus.FAILED, "out of memory"))
    assert len(deliver(lab, MlflowTracker(store_uri)).delivered) == 2
    client = MlflowClient(tracking_uri=store_uri)
    runs = {
        run.info.run_name: run for run in client.search_runs([e.experiment_id for e in client.search_experiments()])
    }
    assert {name: run.info.status for name, run in runs.items() if "/" in name} == {
        "exp/tiny": "KILLED",
        "new/tiny": "FINISHED",
    }
    assert runs["exp/tiny"].data.tags["mlflow.note.content"] == "# A table"
    assert sorted(run.info.status for run in runs.values()) == ["FAILED", "FINISHED", "FINISHED", "KILLED"]
    trials = {run.data.tags["ftlab.study"]: run for name, run in runs.items() if "/" not in name}
    assert trials["exp/tiny"].data.tags["hardware.cpu"] == "a Xeon"
    point = client.get_metric_history(trials["exp/tiny"].info.run_id, "knn/top1")[0]
    assert (point.step, point.timestamp, point.value) == (1, 1_700_000_001_500, 50.0)
    assert deliver(lab, MlflowTracker(store_uri)).delivered == []
