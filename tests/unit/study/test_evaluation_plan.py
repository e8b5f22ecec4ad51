"""Trials whose pretraining is kept train nothing, and no other trial waits for them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ftlab.study.plan import PRETRAINING_KEY_TAG, Plan, make_plan
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.study.stages import plan_stages
from ftlab.terminal.plan_listing import plan_lines, plan_summary
from ftlab.tracking.records import trials_frame

MakeStudy = Callable[..., StudySpec]
STARTS = {"transform.start": [0.2, 0.5]}
FT = {"transform.positives": "extrapolate", "train.epochs": 10}


@pytest.fixture
def trials(make_study: MakeStudy) -> list[Trial]:
    return expand_trials(make_study(overrides=FT, grid=STARTS), "data")


def recorded(trials: list[Trial]) -> pd.DataFrame:
    row: dict[str, Any] = dict.fromkeys(("cell_key", "experiment", "study", "name", "run_id", "reason"), "")
    return trials_frame(
        [
            {
                **row,
                "trial_key": trial.key,
                "seed": 0,
                "status": "finished",
                "tags": {PRETRAINING_KEY_TAG: trial.pretraining_key},
            }
            for trial in trials
        ]
    )


def asked_again(make_study: MakeStudy, trials: list[Trial], kept: set[str]) -> Plan:
    study = make_study(overrides={**FT, "probe.few_shot_labels": 1}, grid=STARTS)
    return make_plan(study, expand_trials(study, "data"), recorded(trials), set(), kept=kept)


def test_kept_pretrainings_are_judged_and_the_others_trained(make_study: MakeStudy, trials: list[Trial]) -> None:
    plan = asked_again(make_study, trials, {trials[0].pretraining_key})
    assert [trial.cell for trial in plan.evaluations] == [trials[0].cell]
    assert (plan.epochs_left, plan.reused, plan.resumable, plan.forked) == (10, (), (), ())
    assert plan_lines(plan) == [
        "     judged anew  start=0.2 seed 0",
        "             new  start=0.5 seed 0 (trained before, but its backbone is not kept)",
    ]
    judged, trained = plan.todo
    prices = {judged.key: 0.31, trained.key: 12.04}
    assert plan_lines(plan, prices) == [
        "     judged anew  start=0.2 seed 0, 0.3 s",
        "             new  start=0.5 seed 0, 12 s (trained before, but its backbone is not kept)",
    ]
    assert plan_summary(plan) == (
        "2 trials: 1 new, 0 resumed, 0 reused, 1 judged anew from kept backbones; 10 epochs to train"
    )


def test_nothing_is_trained_if_all_are_kept(make_study: MakeStudy, trials: list[Trial]) -> None:
    plan = asked_again(make_study, trials, {trial.pretraining_key for trial in trials})
    assert (plan.epochs_left, plan.num_todo, plan.pretrained) == (0, 2, frozenset())


def test_a_kept_pretraining_is_no_trunk(trials: list[Trial]) -> None:
    early, late = trials
    assert plan_stages(trials, set())[late.key].parent == early.key
    alone = plan_stages(trials, set(), kept={early.pretraining_key})
    assert (alone[late.key].parent, alone[late.key].epochs, alone[early.key].epochs) == (None, 10, 0)


def test_what_shares_nothing_is_trained(trials: list[Trial]) -> None:
    kept = {trial.pretraining_key for trial in trials}
    assert sum(stage.epochs for stage in plan_stages(trials, set(), share=False, kept=kept).values()) == 20
