from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ftlab.config.experiment import ExperimentConfig, ProfileConfig, ResourcesConfig
from ftlab.estimate.packing import Packing
from ftlab.estimate.resource_plan import ResourcePlan
from ftlab.estimate.sweep_estimate import Estimate
from ftlab.machine.hardware import Hardware
from ftlab.study.plan import Plan, make_plan
from ftlab.study.spec import expand_trials, resolve_study
from ftlab.terminal.plan_listing import (
    MAX_LINES,
    NO_ESTIMATE,
    plan_lines,
    plan_summary,
    resource_lines,
    search_command,
    sweep_command,
)
from ftlab.tracking.records import trials_frame

PROFILE = ProfileConfig(description="", metric="knn/top1", protocol="")
RESOURCE_PLAN = ResourcePlan(ResourcesConfig(), None, Hardware("EPYC", "2", "cpu", threads=1, together=2), None)
ESTIMATE = Estimate(12, 1200, 220.0, 0.12, "CPU", 9_800_000, 7_200_000, "12 recorded trials")
PACKING = Packing(3, 3, 0.3333, 2_500_000_000, "memory")


def plan_of(starts: list[object], seeds: int) -> Plan:
    """Return a plan of trials that begin FT at different times: one is recorded, one was interrupted."""
    experiment = ExperimentConfig(
        question="?", seeds=seeds, overrides={"transform.positives": "extrapolate"}, grid={"transform.start": starts}
    )
    study = resolve_study("exp", experiment, "tiny", PROFILE, overrides={"train.epochs": 10})
    trials = expand_trials(study, "data")
    row = dict.fromkeys(("cell_key", "experiment", "study", "name", "run_id"), "")
    recorded = trials_frame([{"trial_key": trials[0].key, "seed": 0, "status": "finished", "reason": "", **row}])
    return make_plan(study, trials, recorded, {trials[1].prefix_keys[3]})


def test_a_plan_says_what_is_done_with_each_trial_and_what_it_costs(
    match_snapshot: Callable[[str, Mapping[str, str]], None],
) -> None:
    plan = plan_of([0.0, 0.2, 0.5, "never"], seeds=2)
    resource_plan = replace(RESOURCE_PLAN, estimate=ESTIMATE, packing=PACKING)
    listing = [*plan_lines(plan), plan_summary(plan), *resource_lines(resource_plan), sweep_command(plan.study)]
    match_snapshot("plan", {"make plan": "\n".join(listing)})


def test_a_command_names_a_folder_of_results_that_is_not_the_usual_one() -> None:
    study = plan_of([0.2], seeds=2).study
    usual = 'make sweep EXP=exp PROFILE=tiny SEEDS=2 SET="train.epochs=10"'
    assert sweep_command(study, results=Path("results")) == usual
    assert sweep_command(study, results=Path("/data/my tables")) == f"{usual} RESULTS='/data/my tables'"
    assert search_command(study, 8, Path("tables")).endswith('TRIALS=8 SET="train.epochs=10" RESULTS=tables')


def test_a_long_plan_is_cut() -> None:
    lines = plan_lines(plan_of([0.2, 0.5], seeds=50))
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "... and 40 more"


def test_only_a_price_is_at_most() -> None:
    assert resource_lines(RESOURCE_PLAN, at_most=True) == [NO_ESTIMATE]
    upper, *_ = resource_lines(replace(RESOURCE_PLAN, estimate=ESTIMATE), at_most=True)
    assert upper.startswith("upper estimate: 3 min 40 s")


def test_a_probe_that_failed_is_named() -> None:
    (line,) = resource_lines(replace(RESOURCE_PLAN, problem="the loss is NaN"))
    assert line == "estimate: none, because a calibration run failed: the loss is NaN"
