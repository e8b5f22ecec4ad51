"""A new question about recorded trials: planned, judged and recorded, with nothing trained and nothing changed."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import torch

from ftlab.config.home import Home
from ftlab.engine.planning import plan_study
from ftlab.machine.hardware import Hardware
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.kept_backbones import BACKBONE_TAG, JUDGED_TAG
from ftlab.running.ranked_run import run_starter
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.study.plan import Plan
from ftlab.study.spec import StudySpec, load_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.writer import TrackingWriter

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


@pytest.fixture
def study(write_experiment: Callable[..., None]) -> StudySpec:
    write_experiment("exp", seeds=1, cells=[{"name": "a"}, {"name": "b", "set": {"train.learning_rate": 0.02}}])
    return load_study("exp", "tiny")


def carry_out(plan: Plan, tracker: MemoryTracker, home: Home, *, keep: Any = "backbone") -> None:
    study = plan.study
    tracker.open_study(study_record(study))
    writer = TrackingWriter(tracker, Journal(home / "trials"))
    recorder = TrialRecorder(study.results_name, writer, HARDWARE)
    for trial in plan.todo:
        run_here(
            Assignment(trial),
            home=home,
            device=torch.device("cpu"),
            checkpoint_seconds=3600.0,
            listeners=[recorder],
            start=run_starter(1, keep),
        )
    assert not writer.close()


def by_cell(recorded: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    return recorded.set_index("trial_key").loc[[trial.key for trial in plan.trials]].reset_index()


def test_new_questions_train_nothing_and_change_no_record(study: StudySpec, home: Home) -> None:
    tracker = MemoryTracker()
    first = plan_study(study, home, tracker.load_trials())
    carry_out(first, tracker, home)
    before = by_cell(tracker.load_trials(), first)
    asked = load_study("exp", "tiny", overrides={"probe.few_shot_labels": 1})
    plan = plan_study(asked, home, tracker.load_trials())
    assert (plan.epochs_left, len(plan.evaluations), len(plan.reused)) == (0, 2, 0)
    # Without a checkpoint, training would begin at the first epoch.
    for checkpoint in (home / "checkpoints").iterdir():
        checkpoint.unlink()
    carry_out(plan, tracker, home)
    after = tracker.load_trials()
    assert by_cell(after, first).equals(before)
    answered = by_cell(after, plan)
    same = ["knn/top1", "probe/top1", "pretrain/loss", "train_seconds"]
    assert answered[same].equals(before[same])
    assert not answered["probe/few_shot_top1"].equals(before["probe/few_shot_top1"])
    for old, new in zip(before["tags"], answered["tags"], strict=True):
        assert new[BACKBONE_TAG] == old[BACKBONE_TAG]
        assert new["key.pretraining"] == old["key.pretraining"]
        assert new["key.evaluation.few_shot"] != old["key.evaluation.few_shot"]
    assert [tags[JUDGED_TAG] for tags in answered["tags"]] == list(before["trial_key"])
    entry = Journal(home / "trials").read(plan.trials[0].key)
    assert entry is not None
    assert [epoch.epoch for epoch in entry.epochs] == [1, 2]
    assert plan_study(asked, home, after).todo == ()


@pytest.mark.slow
def test_what_was_not_kept_is_named_and_trained(study: StudySpec, home: Home) -> None:
    tracker = MemoryTracker()
    carry_out(plan_study(study, home, tracker.load_trials()), tracker, home, keep="nothing")
    asked = load_study("exp", "tiny", overrides={"probe.few_shot_labels": 1})
    for checkpoint in (home / "checkpoints").iterdir():
        checkpoint.unlink()
    plan = plan_study(asked, home, tracker.load_trials())
    assert (plan.epochs_left, plan.evaluations) == (4, ())
    assert plan.pretrained == {trial.key for trial in plan.trials}
