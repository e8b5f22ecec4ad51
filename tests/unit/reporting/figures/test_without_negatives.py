"""Figures, reports and files of trials whose method has no negatives, alone and beside others."""

import csv
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from math import isnan, nan
from pathlib import Path

import pandas as pd
import pytest

from ftlab.contrast.score_statistics import COLLAPSED_STD, NEGATIVES, POSITIVES, PROJECTION_STD
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.figures.health_marks import MarkKind, health_marks
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.figures.run_scores import run_courses, score_distributions_at
from ftlab.reporting.figures.training_figures import TrainingFigures, training_figures
from ftlab.reporting.inference.collapse import score_margin
from ftlab.reporting.pages.report_charts import report_charts
from ftlab.reporting.print.figure_files import write_training_figures
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.writers.spreadsheet import trials_csv

LEVELS = {"0.5-0": 0.1, "0.5-1": 0.3, "0.99-0": 1.0, "0.9-0": 0.5, "1.0-1": 5.0}
WITHOUT = {"all": set(LEVELS), "some": {"0.5-0", "0.5-1", "1.0-1"}}
LACKING = {
    "all": "Cells without scores of negatives: 0.5, 0.9, 0.99, 1.0.",
    "some": "Cells without scores of negatives: 0.5, 1.0.",
}
DRAWN = ("score_curves", "score_surfaces", "score_distributions", "ft_effect")

MakeHistories = Callable[..., Histories]


def lacking(histories: Histories, keys: set[str]) -> Histories:
    """Return histories in which some trials recorded no scores of negatives."""

    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[~(frame["trial_key"].isin(keys) & frame["name"].str.contains("negative"))]

    parts = {name: cut(getattr(histories, name)) for name in ("metrics", "steps", "histograms")}
    return replace(histories, **parts)


@pytest.fixture(params=WITHOUT)
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def histories(make_histories: MakeHistories, who: str) -> Histories:
    return lacking(make_histories(LEVELS, ft_start=1.0), WITHOUT[who])


@pytest.fixture
def figures(momentum_table: AblationTable, histories: Histories) -> TrainingFigures:
    return training_figures(momentum_table, histories)


def test_every_figure_says_what_is_missing(figures: TrainingFigures, who: str) -> None:
    assert [getattr(figures, name).missing for name in DRAWN] == [LACKING[who]] * len(DRAWN)


def test_panels_are_those_of_scores_that_somebody_has(figures: TrainingFigures, who: str) -> None:
    curves, surfaces = figures.score_curves, figures.score_surfaces
    assert not isinstance(curves, LeftOut)
    assert not isinstance(surfaces, LeftOut)
    statistics = 1 if who == "all" else 3
    assert [len(kind) for kind in curves.kinds] == [statistics] * 2
    assert len(surfaces.surfaces) == statistics
    if who == "some":
        rows = surfaces.surfaces["scores/negative_mean_transformed"]
        assert [all(isnan(value) for value in row) for row in rows] == [True, False, False, True]


def test_panels_of_a_cell_are_those_of_its_scores(figures: TrainingFigures, who: str) -> None:
    effect = figures.ft_effect
    assert not isinstance(effect, LeftOut)
    expected = {POSITIVES} if who == "all" else {POSITIVES, NEGATIVES}
    assert effect.panels[0].before.keys() == effect.panels[0].after.keys() == {POSITIVES}
    assert effect.panels[1].before.keys() == expected


@pytest.mark.slow
def test_a_report_draws_them(momentum_table: AblationTable, figures: TrainingFigures, who: str) -> None:
    charts = {chart.title: chart for chart in report_charts(axis_figure(momentum_table), figures, LeftOut("-"))}
    told = [chart.caption.endswith(LACKING[who]) for chart in charts.values()]
    assert told == [False, False, True, True, True, True, False]
    assert [title for title, chart in charts.items() if not chart.panels] == ["Accuracy over training"]


@pytest.mark.slow
def test_files_are_written_with_the_reason(figures: TrainingFigures, who: str, tmp_path: Path) -> None:
    written = {path.name for path in write_training_figures(figures, tmp_path)}
    assert {f"{name}.{ending}" for name in DRAWN for ending in ("png", "pdf")} < written
    assert (tmp_path / "left_out.txt").read_text().splitlines() == [f"{name}: {LACKING[who]}" for name in DRAWN]


def test_the_explorer_draws_what_there_is(histories: Histories) -> None:
    labels = {"0.5-0": "a run"}
    spread = pd.DataFrame([("0.5-0", 1, PROJECTION_STD, 0.9)], columns=["trial_key", "epoch", "name", "value"])
    courses = run_courses(pd.concat([histories.metrics, spread]), labels)
    assert {course.statistic for course in courses} == {"scores/positive_mean", PROJECTION_STD}
    assert {found.sign for found in score_distributions_at(histories.histograms, labels, 1)} == {"positive"}


@pytest.mark.parametrize(("last", "since"), [(0.9, None), (0.1, 2)])
def test_projections_that_are_nearly_one_are_marked(last: float, since: int | None) -> None:
    rows = [(epoch, PROJECTION_STD, value) for epoch, value in enumerate((0.9, 0.1, last), 1)]
    frame = pd.DataFrame(rows, columns=["epoch", "name", "value"])
    marks = health_marks(frame, {"train.batch_size": "128"}, 10)
    assert [(mark.kind, mark.epoch) for mark in marks] == ([(MarkKind.COLLAPSE, since)] if since else [])


def test_the_threshold_stands_beside_the_trials_that_it_judges(
    make_trials: Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame],
) -> None:
    trials = make_trials({"simsiam": [("finished", 80.0)], "moco": [("finished", 81.0)]})
    trials["scores/positive_mean"] = 0.75
    trials["scores/negative_mean"] = [nan, 0.5]
    trials[PROJECTION_STD] = [0.9, nan]
    cells = [Cell(name, {}, (), name) for name in ("simsiam", "moco")]
    text = trials_csv(ablate("t", cells, trials, metric="probe/few_shot_top1"))
    simsiam, moco = csv.DictReader(StringIO(text))
    names = ("score_margin", "score_margin_threshold", "projection_std_threshold", PROJECTION_STD)
    assert [simsiam[name] for name in names] == ["", "", repr(COLLAPSED_STD), "0.9"]
    assert [moco[name] for name in names] == ["0.25", "0.05", "", ""]


def test_a_margin_needs_both_scores() -> None:
    assert all(map(isnan, score_margin({"scores/positive_mean": 0.8, "scores/negative_mean": nan})))
    assert all(map(isnan, score_margin({"scores/positive_mean": 0.8})))
