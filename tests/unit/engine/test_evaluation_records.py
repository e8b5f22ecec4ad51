"""Evaluations on other images are recorded in the store, where a team finds them, and their table is verified by it."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.config.home import Home
from ftlab.engine.evaluating import run_evaluation
from ftlab.engine.planning import plan_study
from ftlab.errors import ResultsError, TrackingError
from ftlab.machine.capacity import Capacity
from ftlab.machine.hardware import Hardware
from ftlab.publish.task_files import verify_task_files
from ftlab.running.feed import Assignment
from ftlab.running.floor_records import FloorRecord
from ftlab.running.here import run_here
from ftlab.running.ranked_run import run_starter
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.study.spec import StudySpec, load_study
from ftlab.study.transfer import Transfer
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialRecord, without_evaluations
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

CPU = torch.device("cpu")
HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)
STUDY = "exp.evaluations/tiny"


class FailingTracker(MemoryTracker):
    """A store that takes no trial while it is down."""

    is_down = False

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        if self.is_down:
            raise TrackingError("it does not answer")
        super().record_trial(trial, epochs, outcome)


@dataclass
class Laboratory:
    """A study of two trials, both trained and recorded, whose evaluations are judged in this process."""

    study: StudySpec
    tracker: FailingTracker
    results: Path
    num_judged: int = 0

    @property
    def folder(self) -> Path:
        return self.results / "exp" / "tiny"

    def evaluate(self, *places: str, unjudged: str = "", **orders: bool) -> int:
        """Judge on digits and further places; transfers of a row that is ``unjudged`` fail."""

        def judge(transfers: Sequence[Transfer], home: Home) -> Iterator[tuple[Transfer, FloorRecord | str]]:
            for transfer in transfers:
                self.num_judged += 1
                if transfer.row == unjudged:
                    yield transfer, "its backbone is damaged"
                    continue
                yield transfer, replace(judge_transfer(transfer, home, CPU), seconds=2.0)

        capacity = Capacity(2, 0)
        return run_evaluation(self.study, ["digits", *places], capacity, self.results, judge, self.tracker, **orders)


@pytest.fixture
def laboratory(write_experiment: Callable[..., None], home: Home, tmp_path: Path) -> Laboratory:
    cells = [{"name": "a"}, {"name": "b", "set": {"train.learning_rate": 0.02}}]
    write_experiment("exp", seeds=1, cells=cells, overrides={"train.epochs": 1, "probe.every": 0})
    study, tracker = load_study("exp", "tiny"), FailingTracker()
    tracker.open_study(study_record(study))
    writer = TrackingWriter(tracker, Journal(home / "trials"))
    for trial in plan_study(study, home, tracker.load_trials()).todo:
        run_here(
            Assignment(trial),
            home=home,
            device=CPU,
            checkpoint_seconds=3600.0,
            listeners=[TrialRecorder(study.results_name, writer, HARDWARE)],
            start=run_starter(1, "backbone"),
        )
    assert not writer.close()
    return Laboratory(study, tracker, tmp_path / "results")


def test_each_evaluation_is_a_run_of_its_own_that_no_training_is_taken_for(
    laboratory: Laboratory, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before = laboratory.tracker.load_trials()
    assert laboratory.evaluate() == 0
    after = laboratory.tracker.load_trials()
    assert without_evaluations(after).reset_index(drop=True).equals(before)
    rows = after[after["study"] == STUDY].to_dict("records")
    assert [row["name"] for row in sorted(rows, key=lambda row: str(row["name"]))] == [
        "a on digits seed 0",
        "b on digits seed 0",
    ]
    trained: dict[Any, Any] = dict(zip(before["name"], before["trial_key"], strict=True))
    for row in rows:
        assert (row["status"], row["experiment"]) == ("finished", "exp.evaluations")
        assert row["tags"]["evaluation.task"] == "digits"
        assert row["tags"]["evaluation.of"] == trained[f"{row['name'][0]} seed 0"]
        assert 0 < row["probe/few_shot_top1"] <= 100
    end = laboratory.tracker.study_ends[STUDY]
    assert end.complete
    assert "transfer.csv" in end.artifacts
    assert end.description == (laboratory.folder / "transfer.md").read_text()
    capsys.readouterr()
    assert laboratory.evaluate(dry_run=True) == 0
    assert "2 evaluations: 0 to judge, 2 judged before" in capsys.readouterr().out
    # Another home of the team, with neither findings nor backbones.
    shutil.rmtree(home / "transfers")
    shutil.rmtree(home / "backbones")
    written = (laboratory.folder / "transfer.csv").read_bytes()
    shutil.rmtree(laboratory.results)
    assert (laboratory.evaluate(), laboratory.num_judged) == (0, 2)
    assert (laboratory.folder / "transfer.csv").read_bytes() == written
    assert laboratory.tracker.load_trials().equals(after)


def test_what_was_judged_is_recorded_although_other_images_are_missing(laboratory: Laboratory) -> None:
    assert laboratory.evaluate("folder:/nowhere/birds") == 1
    rows = laboratory.tracker.load_trials()
    assert sorted(rows[rows["study"] == STUDY]["name"]) == ["a on digits seed 0", "b on digits seed 0"]
    assert not laboratory.tracker.study_ends[STUDY].complete


def test_what_was_judged_is_recorded_although_another_was_not(laboratory: Laboratory) -> None:
    assert laboratory.evaluate(unjudged="a") == 1
    rows = laboratory.tracker.load_trials()
    assert list(rows[rows["study"] == STUDY]["name"]) == ["b on digits seed 0"]


def test_the_table_is_verified_by_the_store(laboratory: Laboratory) -> None:
    laboratory.evaluate()
    folder, tracker = laboratory.folder, laboratory.tracker
    found = verify_task_files(folder, tracker.load_trials())
    assert (found.problems, found.notes) == ((), ("2 rows, 1 tasks, 2 accuracies, as recorded",))
    provenance = (folder / "transfer.json").read_text()
    csv = (folder / "transfer.csv").read_text()
    row, *_ = (line for line in csv.splitlines() if line.startswith("a,"))
    (folder / "transfer.csv").write_text(csv.replace(row.split(",")[-5], "12.5"))
    (problem,) = verify_task_files(folder, tracker.load_trials()).problems
    assert problem.startswith("transfer.csv: cell a, task digits, few-shot top-1, column mean: 12.5 in the file")
    (folder / "transfer.csv").write_text(csv)
    assert verify_task_files(folder, tracker.load_trials()).problems == ()
    key = json.loads(provenance)["values"][0]["trial_key"]
    (epoch,) = tracker.epochs[key].values()
    tracker.epochs[key][epoch.epoch] = replace(epoch, metrics={**epoch.metrics, "probe/few_shot_top1": 99.0})
    (problem,) = verify_task_files(folder, tracker.load_trials()).problems
    assert "when the table was written, and is 99.0 in the tracking store" in problem
    del tracker.trials[key]
    (problem,) = verify_task_files(folder, tracker.load_trials()).problems
    assert problem.endswith("gone from the tracking store")
    (folder / "transfer.json").write_text(provenance.replace('"metric": "', '"metric": "x'))
    with pytest.raises(ResultsError, match="was edited: its digest differs"):
        verify_task_files(folder, tracker.load_trials())
    (folder / "transfer.json").unlink()
    (note,) = verify_task_files(folder, tracker.load_trials()).notes
    assert "unchecked, because there is no transfer.json" in note


def test_a_store_that_is_away_costs_no_finding(laboratory: Laboratory, capsys: pytest.CaptureFixture[str]) -> None:
    laboratory.tracker.is_down = True
    assert laboratory.evaluate() == 1
    assert "not all of it could be recorded; the same command goes on: it does not answer" in capsys.readouterr().err
    written = (laboratory.folder / "transfer.csv").read_bytes()
    laboratory.tracker.is_down = False
    assert (laboratory.evaluate(), laboratory.num_judged) == (0, 2)
    assert (laboratory.folder / "transfer.csv").read_bytes() == written
    assert set(laboratory.tracker.load_trials()["study"]) == {"exp/tiny", STUDY}


def test_a_plan_lists_evaluations_with_their_price_and_judges_nothing(
    laboratory: Laboratory, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert laboratory.evaluate(dry_run=True) == 0
    out = capsys.readouterr().out
    assert "        to judge  a seed 0 on digits" in out
    assert "2 evaluations: 2 to judge, 0 judged before; nothing is trained" in out
    assert laboratory.num_judged == 0
    assert not laboratory.results.exists()
    assert STUDY not in laboratory.tracker.studies
    laboratory.evaluate()
    shutil.rmtree(home / "transfers")
    laboratory.tracker = FailingTracker()
    capsys.readouterr()
    laboratory.evaluate(dry_run=True)
    out = capsys.readouterr().out
    assert "        to judge  b seed 0 on digits, 2.0 s" in out
    assert "estimate: 15 s, 4.0 s of work" in out


def test_a_backbone_that_is_lost_is_named_and_trained_again_on_request(
    laboratory: Laboratory, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before = laboratory.tracker.load_trials()
    key = str(before["tags"].iloc[0]["key.pretraining"])
    (path,) = (home / "backbones").glob(f"{key}-*")
    digest = path.name
    path.unlink()
    for checkpoint in (home / "checkpoints").iterdir():
        checkpoint.unlink()
    assert laboratory.evaluate() == 0
    name = before["name"].iloc[0]
    assert f"their backbones are not kept; RETRAIN=1 trains them again, and their records stay: {name}" in (
        capsys.readouterr().out
    )
    assert laboratory.evaluate(retrain=True) == 0
    assert f"training {name} again, 1 epochs, because its backbone is not kept" in capsys.readouterr().out
    assert [path.name[:32] for path in (home / "backbones").glob(f"{key}-*")] == [digest[:32]]
    assert without_evaluations(laboratory.tracker.load_trials()).reset_index(drop=True).equals(before)
    assert laboratory.num_judged == 2
