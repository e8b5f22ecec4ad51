import time
from io import StringIO

import pytest
from rich.console import Console

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.engine.search_run import SearchWorkload
from ftlab.study.plan import Plan, make_plan
from ftlab.study.spec import expand_trials, resolve_study
from ftlab.terminal.live_view import MAX_ENDED_ROWS
from ftlab.terminal.study_display import StudyDisplay
from ftlab.tracking.records import Outcome, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

METRIC = "probe/few_shot_top1"


@pytest.fixture
def plan() -> Plan:
    experiment = ExperimentConfig(question="?", seeds=6, grid={"method.key_momentum": [0.9, 0.5]})
    profile = ProfileConfig(description="", metric=METRIC, protocol="", trial={"train": {"epochs": 2}})
    study = resolve_study("exp", experiment, "tiny", profile)
    trials = expand_trials(study, "data")
    return make_plan(study, trials, trials_frame([]), {trials[1].prefix_keys[0]})


def epoch(number: int, **metrics: float) -> EpochResult:
    extra = {name.replace("__", "/"): value for name, value in metrics.items()}
    return EpochResult(number, 0.0, {"pretrain/loss": 1.5, "epoch_seconds": 0.25, **extra})


def lines_of(printed: StringIO) -> list[str]:
    return printed.getvalue().splitlines()


def display_on_a_file(plan: Plan, *, every_epoch: bool = False) -> tuple[StudyDisplay, StringIO]:
    printed = StringIO()
    return StudyDisplay(Console(file=printed, width=80), plan, every_epoch=every_epoch), printed


def test_a_file_gets_the_first_epoch_and_a_line_a_trial(plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    with display:
        for trial in plan.todo[:2]:
            display.trial_started(trial)
            display.epochs_trained(trial, [epoch(1), epoch(2, probe__few_shot_top1=73.25)])
            display.trial_ended(trial, Outcome(TrialStatus.FINISHED))
    first, *ended = lines_of(printed)
    assert first.startswith("first epoch after ")
    assert first.endswith("key_momentum=0.9 seed 0, loss 1.500")
    assert ended[0].startswith("[1/12] key_momentum=0.9 seed 0: finished, few-shot top-1 73.2 %")
    assert ended[1].startswith("[2/12] key_momentum=0.5 seed 0: finished, few-shot top-1 73.2 %")
    assert all(" left" in line for line in ended)


def test_the_last_line_of_a_study_promises_no_more(plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    for trial in plan.todo:
        display.trial_started(trial)
        display.epochs_trained(trial, [epoch(1), epoch(2)])
        display.trial_ended(trial, Outcome(TrialStatus.FINISHED))
    assert lines_of(printed)[-1] == "[12/12] key_momentum=0.5 seed 5: finished, epoch 2"


def test_a_failure_is_shown_with_its_reason(plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    display.trial_started(plan.todo[0])
    display.trial_ended(plan.todo[0], Outcome(TrialStatus.FAILED, "diverged: [the loss] became NaN"))
    assert lines_of(printed) == [
        "[1/12] key_momentum=0.9 seed 0: failed, epoch 0 (diverged: [the loss] became NaN)",
    ]


def test_an_interrupted_trial_is_not_counted(plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    display.trial_started(plan.todo[0])
    display.trial_ended(plan.todo[0], Outcome(TrialStatus.INTERRUPTED, "the study was stopped"))
    assert lines_of(printed) == ["[0/12] key_momentum=0.9 seed 0: interrupted, epoch 0 (the study was stopped)"]


def test_a_single_trial_is_shown_epoch_by_epoch(plan: Plan) -> None:
    display, printed = display_on_a_file(plan, every_epoch=True)
    display.trial_started(plan.todo[0])
    display.epochs_trained(plan.todo[0], [epoch(1), epoch(2, knn__top1=90.5)])
    assert lines_of(printed) == [
        "epoch 1/2: loss 1.500, 0.25 s",
        "epoch 2/2: loss 1.500, kNN top-1 90.5 %, 0.25 s",
    ]


def test_a_terminal_gets_a_live_table(plan: Plan) -> None:
    printed = StringIO()
    display = StudyDisplay(Console(file=printed, width=100, force_terminal=True, color_system=None), plan)
    with display:
        for trial in plan.todo[: MAX_ENDED_ROWS + 2]:
            display.trial_started(trial)
            display.epochs_trained(trial, [epoch(1, knn__top1=61.0)])
            display.trial_ended(trial, Outcome(TrialStatus.FINISHED))
        display.trial_started(plan.todo[-1])
        printed.truncate(0)
    shown = printed.getvalue()
    assert "10 of 12 done" in shown
    assert "61.0" in shown
    assert "starting" in shown
    rows = [line for line in shown.splitlines() if line.startswith("key_momentum=") and "finished" in line]
    assert len(rows) % MAX_ENDED_ROWS == 0


def test_epochs_of_a_checkpoint_are_not_counted_as_trained(plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    for trial in plan.todo:
        display.trial_started(trial)
        display.epochs_trained(trial, [epoch(1)])
        display.epochs_trained(trial, [epoch(1), epoch(2)])
        display.trial_ended(trial, Outcome(TrialStatus.FINISHED))
    assert "left" not in lines_of(printed)[-1]


def test_no_time_is_left_when_a_search_chose_shorter_trials(plan: Plan) -> None:
    printed = StringIO()
    work = SearchWorkload(METRIC, num_todo=2, epochs_a_trial=100)
    display = StudyDisplay(Console(file=printed, width=80), work)
    for trial in plan.todo[:2]:
        display.trial_started(trial)
        display.epochs_trained(trial, [epoch(1), epoch(2)])
        display.trial_ended(trial, Outcome(TrialStatus.FINISHED))
    first, last = lines_of(printed)[1:]
    assert " left" in first
    assert " left" not in last


def test_the_live_table_shows_the_metric_of_the_table_or_says_when_it_comes(plan: Plan) -> None:
    printed = StringIO()
    console = Console(file=printed, width=120)
    display = StudyDisplay(console, plan)
    for trial, epochs in zip(plan.todo, ([epoch(1)], [epoch(1), epoch(2, probe__few_shot_top1=73.25)]), strict=False):
        display.trial_started(trial)
        display.epochs_trained(trial, epochs)
    console.print(display._view.render(console.width))
    shown = printed.getvalue()
    assert "few-shot top-1 (%)" in shown
    assert "at the end" in shown
    assert "73.2" in shown


@pytest.mark.parametrize(("started", "said"), [(0, "Stopping"), (1, "Stopping 1 trial"), (2, "Stopping 2 trials")])
def test_a_ctrl_c_is_answered(started: int, said: str, plan: Plan) -> None:
    display, printed = display_on_a_file(plan)
    for trial in plan.todo[:started]:
        display.trial_started(trial)
    display.stopping()
    for _ in range(100):
        if printed.getvalue().endswith("\n"):
            break
        time.sleep(0.01)
    assert lines_of(printed) == [f"{said}, then writing the table."]
