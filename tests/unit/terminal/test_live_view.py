from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.study.plan import make_plan
from ftlab.study.spec import expand_trials, resolve_study
from ftlab.terminal.live_view import LiveView
from ftlab.terminal.study_progress import StudyProgress
from ftlab.tracking.records import trials_frame
from ftlab.training.epoch_result import EpochResult


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_view_fits_and_cuts_no_name(width: int) -> None:
    experiment = ExperimentConfig(question="?", seeds=1, grid={"method.key_momentum": [0.9, 0.999]})
    profile = ProfileConfig(description="", metric="probe/few_shot_top1", protocol="", trial={"train": {"epochs": 100}})
    plan_trials = expand_trials(resolve_study("exp", experiment, "tiny", profile), "data")
    study = resolve_study("exp", experiment, "tiny", profile)
    progress = StudyProgress(make_plan(study, plan_trials, trials_frame([]), set()), forecast=230.0)
    view = LiveView(progress)

    def shown() -> list[str]:
        printed = StringIO()
        Console(file=printed, width=width).print(view.render(width))
        return printed.getvalue().splitlines()

    assert any("starting workers, 0 s" in line for line in shown())
    assert "about 3 min 50 s left" in shown()[0]
    for trial in plan_trials:
        progress.started(trial)
        progress.trained(trial, [EpochResult(12, 0.0, {"pretrain/loss": 6.75, "knn/top1": 61.0})])
    lines = shown()
    assert "0 of 2 done" in lines[0]
    assert "best so far: kNN top-1 61.0 %, key_momentum=0.9" in lines
    rows = [line for line in lines if line.startswith(("key_momentum=0.9 ", "key_momentum=0.999 "))]
    assert [("12/100" in row, row.rstrip().endswith(("training", "at the end"))) for row in rows] == [(True, True)] * 2
    assert max(map(cell_len, lines)) <= width
    view.stop()
    assert any("stopping, 0 s" in line for line in shown())
