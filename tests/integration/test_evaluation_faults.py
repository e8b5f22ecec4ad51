"""Kills, dead workers, missing images and damaged files cost evaluations a repetition, never a number."""

import csv
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

EXPERIMENT = {"seeds": 2, "grid": {"method.key_momentum": [0.9, 0.5]}, "baseline": "key_momentum=0.9"}
TRAINED, EVALUATED = "exp/tiny", "exp.evaluations/tiny"
RESULTS = ("finished", "collapsed")
# Other probes of the same features, which take some seconds.
QUESTION = ("--set", "probe.linear_epochs=150", "--set", "probe.few_shot_labels=1")


class Evaluations:
    """A laboratory with four kept backbones."""

    def __init__(self, laboratory: Any) -> None:
        self.laboratory = laboratory
        laboratory.write_experiment("exp", **EXPERIMENT)
        laboratory.sweep("exp")
        self.trained = self.untouched()

    def start(self, *arguments: str) -> Any:
        return self.laboratory.start("evaluate", "exp", "--on", "digits", "--cpus", "2", *arguments)

    def runs_of(self, study: str) -> dict[str, Run]:
        """Return the trials' runs of a study by name; each is there once."""
        runs = [run for run in self.laboratory.trial_runs() if run.data.tags["ftlab.study"] == study]
        found = {run.data.tags["ftlab.trial_key"]: run for run in runs}
        assert len(found) == len(runs)
        return {run.info.run_name: run for run in runs}

    def numbers_of(self, study: str) -> dict[str, dict[str, float]]:
        """Return the accuracies of a study's runs by name."""
        return {
            name: {metric: value for metric, value in run.data.metrics.items() if "top1" in metric}
            for name, run in self.runs_of(study).items()
        }

    def untouched(self) -> tuple[Any, ...]:
        """Return everything that evaluations must leave as it is: backbones, journal, records and table."""
        home = self.laboratory.home
        backbones = {path.name: path.read_bytes() for path in (home / "backbones").glob("*.safetensors")}
        table = (self.laboratory.results / TRAINED / "trials.csv").read_bytes()
        journal = {run.data.tags["ftlab.trial_key"]: run.data.metrics for run in self.runs_of(TRAINED).values()}
        return backbones, table, journal

    def table(self) -> bytes:
        return Path(self.laboratory.results, TRAINED, "transfer.csv").read_bytes()

    def working(self) -> list[int]:
        """Return the processes that judge in tasks."""
        return [pid for pid, command in self.laboratory.processes().items() if command.startswith("ray::_judge")]


@pytest.fixture
def evaluations(make_laboratory: Callable[..., Any]) -> Evaluations:
    return Evaluations(make_laboratory())


def assert_once_and_whole(evaluations: Evaluations, undisturbed: dict[str, dict[str, float]]) -> None:
    assert evaluations.untouched() == evaluations.trained
    assert evaluations.numbers_of(EVALUATED) == undisturbed
    assert {run.info.status for run in evaluations.laboratory.runs()} == {"FINISHED"}
    assert evaluations.laboratory.left_behind() == []


@pytest.fixture(scope="module")
def undisturbed(make_laboratory: Callable[..., Any]) -> tuple[bytes, dict[str, dict[str, float]]]:
    """The table over tasks and the accuracies of evaluations that nothing disturbed."""
    evaluations = Evaluations(make_laboratory())
    assert evaluations.start().wait() == 0
    assert len(evaluations.numbers_of(EVALUATED)) == 4
    return evaluations.table(), evaluations.numbers_of(EVALUATED)


def test_evaluations_that_are_killed_ten_times_lose_double_and_change_nothing(
    evaluations: Evaluations, undisturbed: tuple[bytes, dict[str, dict[str, float]]]
) -> None:
    moments = random.Random(0)  # noqa: S311 - the same moments each time
    kept = evaluations.laboratory.home / "transfers"
    for number in range(10):
        command = evaluations.start()
        if number % 2 and not list(kept.glob("*.json")):
            deadline = time.monotonic() + 60.0
            while not evaluations.working() and command.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(moments.uniform(0.0, 1.0))
        else:
            time.sleep(moments.uniform(1.0, 14.0))
        command.process.kill()
        assert command.wait() in (-signal.SIGKILL, 0)
        # Half of them meet what the killed one left half done.
        for path in list(kept.glob("*.json"))[: number % 2]:
            path.unlink()
    assert evaluations.start().wait() == 0
    assert_once_and_whole(evaluations, undisturbed[1])
    assert evaluations.table() == undisturbed[0]
    verify = evaluations.laboratory.verify()
    assert verify.wait() == 0, verify.err


def test_a_process_that_dies_is_tried_again(
    evaluations: Evaluations, undisturbed: tuple[bytes, dict[str, dict[str, float]]]
) -> None:
    command = evaluations.start()
    killed = 0
    while command.process.poll() is None and not killed:
        for pid in evaluations.working():
            os.kill(pid, signal.SIGKILL)
            killed += 1
        time.sleep(0.01)
    assert command.wait() == 0, command.out + command.err
    assert killed
    assert_once_and_whole(evaluations, undisturbed[1])


def test_missing_images_stop_no_other_evaluation(
    evaluations: Evaluations, undisturbed: tuple[bytes, dict[str, dict[str, float]]]
) -> None:
    command = evaluations.start("--on", "folder:/nowhere/birds")
    assert command.wait() == 1
    assert "birds is left out: " in command.out
    assert "Traceback" not in command.err
    assert evaluations.numbers_of(EVALUATED) == undisturbed[1]
    assert evaluations.table() == undisturbed[0]


def test_a_damaged_backbone_is_named_and_made_again_on_request(
    evaluations: Evaluations, undisturbed: tuple[bytes, dict[str, dict[str, float]]]
) -> None:
    path = min((evaluations.laboratory.home / "backbones").glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    command = evaluations.start()
    assert command.wait() == 1
    assert f"{path.name} must be as it was kept, but it is truncated or altered" in command.err
    assert len(evaluations.numbers_of(EVALUATED)) == 3
    again = evaluations.start()
    assert again.wait() == 0
    assert "their backbones are not kept; RETRAIN=1 trains them again, and their records stay: " in again.out
    assert evaluations.start("--retrain").wait() == 0
    assert evaluations.numbers_of(EVALUATED) == undisturbed[1]
    # The file is another one, for its history says when it was trained; the records are the same.
    assert evaluations.untouched()[1:] == evaluations.trained[1:]


def test_a_sweep_that_is_killed_while_it_judges_backbones_anew_trains_nothing(
    evaluations: Evaluations, make_laboratory: Callable[..., Any]
) -> None:
    plan = evaluations.laboratory.start("plan", "exp", *QUESTION)
    assert plan.wait() == 0
    assert "4 judged anew from kept backbones; 0 epochs to train" in plan.out
    other = Evaluations(make_laboratory())
    other.laboratory.sweep("exp", *QUESTION)
    (study,) = {run.data.tags["ftlab.study"] for run in other.laboratory.trial_runs()} - {TRAINED}
    killed = 0
    for _ in range(3):
        command = evaluations.laboratory.start_sweep("exp", *QUESTION)
        command.wait_for(r"\[1/|first epoch|0 epochs to train")
        time.sleep(random.Random(killed).uniform(2.0, 9.0))  # noqa: S311 - the same moments each time
        command.process.kill()
        killed += command.wait() == -signal.SIGKILL
    assert killed
    last = evaluations.laboratory.sweep("exp", *QUESTION)
    assert "0 new, 0 resumed" in last.out
    assert evaluations.numbers_of(study) == other.numbers_of(study)
    assert evaluations.untouched() == evaluations.trained
    for key, events in evaluations.laboratory.journal().items():
        assert [event for event in events if event in RESULTS] == events[-1:], key


def test_what_was_not_kept_is_listed_as_a_training_by_name(evaluations: Evaluations) -> None:
    laboratory = evaluations.laboratory
    lost = min((laboratory.home / "backbones").glob("*.safetensors"))
    lost.unlink()
    plan = laboratory.start("plan", "exp", *QUESTION)
    assert plan.wait() == 0
    assert "3 judged anew from kept backbones; 2 epochs to train" in plan.out
    (line,) = [line for line in plan.out.splitlines() if "(trained before, but its backbone is not kept)" in line]
    assert line.split()[0] == "new"
    laboratory.sweep("exp", *QUESTION)
    assert evaluations.untouched()[1:] == evaluations.trained[1:]


def test_the_store_and_verify_hold_the_table_over_tasks(evaluations: Evaluations, tmp_path: Path) -> None:
    assert evaluations.start().wait() == 0
    laboratory = evaluations.laboratory
    assert laboratory.verify().wait() == 0
    path = laboratory.results / TRAINED / "transfer.csv"
    mean = next(csv.DictReader(path.read_text().splitlines()))["mean"]
    path.write_text(path.read_text().replace(f",{mean},", ",12.5,", 1))
    verify = laboratory.verify()
    assert verify.wait() == 1
    assert "transfer.csv: cell" in verify.err
