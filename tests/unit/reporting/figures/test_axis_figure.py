from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path

import pandas as pd

from ftlab.reporting.figures.axis_figure import AxisFigure, axis_figure
from ftlab.reporting.print.figure_files import draw_axis_figure
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.table.axes import AxisValue

METRIC = "probe/few_shot_top1"
MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]


def sweep(make_trials: MakeTrials, values: Sequence[AxisValue]) -> AxisFigure:
    cells = [Cell(f"start={value}", {"transform.start": value}) for value in values]
    return axis_figure(ablate("t", cells, make_trials({}), metric=METRIC))


def test_crowded_numbers_stand_at_equal_distances(momentum_table: AblationTable) -> None:
    figure = axis_figure(momentum_table)
    assert (figure.scale, figure.axis, figure.metric) == ("steps", "key momentum", "few-shot top-1 (%)")
    assert [point.place for point in figure.points] == [0, 1, 2, 3, 4]
    assert [point.label for point in figure.points] == ["0.5", "0.9", "0.99", "0.999", "1.0"]
    assert all(point.on_line for point in figure.points)


def test_numbers_keep_their_distances(make_trials: MakeTrials) -> None:
    figure = sweep(make_trials, [0.2, 0.4, 0.6, 1.4])
    assert figure.scale == "numbers"
    assert [point.place for point in figure.points] == [0.2, 0.4, 0.6, 1.4]


def test_a_word_among_numbers_stands_beside_the_line(make_trials: MakeTrials) -> None:
    figure = sweep(make_trials, [0.0, 0.5, 1.0, "never"])
    assert figure.scale == "steps"
    assert [point.on_line for point in figure.points] == [True, True, True, False]


def test_words_are_cells(make_trials: MakeTrials, components_table: AblationTable) -> None:
    assert sweep(make_trials, ["batch", "element", 1]).scale == "cells"
    figure = axis_figure(components_table)
    assert (figure.scale, figure.axis) == ("cells", "")
    assert [point.label for point in figure.points] == ["none", "both per element"]


def test_points_of_a_grid_are_named_by_their_values(make_trials: MakeTrials) -> None:
    points = [("none", None), ("interpolate", 2.0), ("extrapolate", 0.2), ("extrapolate", 2.0)]
    cells = [Cell(f"positives={kind} {alpha}", {"t.positives": kind, "t.alpha": alpha}) for kind, alpha in points]
    figure = axis_figure(ablate("t", cells, make_trials({}), metric=METRIC))
    assert (figure.scale, figure.axis) == ("cells", "positives, alpha")
    assert [point.label for point in figure.points] == [
        "none",
        "interpolate, 2.0",
        "extrapolate, 0.2",
        "extrapolate, 2.0",
    ]


def test_a_baseline_off_the_axis_leaves_one_swept_axis(make_trials: MakeTrials) -> None:
    cells = [Cell("no FT", {"transform.negatives": "none", "transform.alpha": None})]
    cells += [Cell(f"alpha={a}", {"transform.negatives": "interpolate", "transform.alpha": a}) for a in (0.2, 2.0)]
    figure = axis_figure(ablate("t", cells, make_trials({}), metric=METRIC, baseline="no FT"))
    assert (figure.scale, figure.axis) == ("steps", "alpha")
    assert [point.label for point in figure.points] == ["no FT", "0.2", "2.0"]


def test_numbers_of_a_point(momentum_table: AblationTable) -> None:
    collapsed, single, whole, absent, _ = axis_figure(momentum_table).points
    assert (collapsed.mean, collapsed.seeds, collapsed.collapsed_seeds) == (76.0, (76.0,), (52.0,))
    assert (isnan(collapsed.published), collapsed.published_note) == (True, "collapse")
    assert (single.mean, isnan(single.ci_low)) == (81.0, True)
    assert (whole.seeds, whole.published) == ((87.0, 88.0, 89.0), 56.24)
    assert (isnan(absent.mean), absent.seeds, absent.published) == (True, (), 53.1)


def test_the_label_says_when_the_protocol_differs(
    momentum_table: AblationTable, components_table: AblationTable, empty_table: AblationTable
) -> None:
    figures = [axis_figure(table) for table in (momentum_table, components_table, empty_table)]
    assert [figure.published for figure in figures] == ["paper, other protocol", "paper", ""]
    assert [figure.same_protocol for figure in figures] == [False, True, False]
    assert [figure.baseline for figure in figures[:2]] == [88.0, 86.0]


def test_two_files(tmp_path: Path, empty_table: AblationTable) -> None:
    paths = draw_axis_figure(axis_figure(empty_table), tmp_path / "new" / "figure.png")
    assert paths == [tmp_path / "new" / "figure.png", tmp_path / "new" / "figure.pdf"]
    assert [path.read_bytes()[1:4] for path in paths] == [b"PNG", b"PDF"]
