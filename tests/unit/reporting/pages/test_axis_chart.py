from dataclasses import replace
from math import nan
from typing import Any

import plotly.graph_objects as go
import pytest

from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint, axis_figure
from ftlab.reporting.pages.axis_chart import axis_chart
from ftlab.reporting.table.ablation import AblationTable

WHOLE = AxisPoint("0.99", 1.0, True, 88.0, 86.5, 90.0, (87.0, 89.0), (), 56.24, "")
HOLLOW = AxisPoint("0.5", 0.0, True, 60.0, nan, nan, (), (60.0, nan), nan, "collapse")
FIGURE = AxisFigure("title", "momentum", "top-1 (%)", "steps", (HOLLOW, WHOLE), 88.0, "paper, other protocol", False)


def trace(drawn: go.Figure, name: str) -> Any:
    (found,) = (found for found in drawn.data if found.name == name)
    return found


def test_means_carry_their_own_interval() -> None:
    mean = trace(axis_chart(FIGURE), "mean, 95% interval")
    assert (list(mean.x), list(mean.y)) == ([1.0], [88.0])
    assert (list(mean.error_y.arrayminus), list(mean.error_y.array)) == ([1.5], [2.0])


def test_no_line_runs_over_a_cell_without_a_value() -> None:
    points = tuple(replace(WHOLE, place=place, mean=mean) for place, mean in ((0.0, 80.0), (1.0, nan), (2.0, 82.0)))
    line = axis_chart(replace(FIGURE, points=points)).data[0]
    assert (list(line.x), list(line.y)) == ([0.0, 1.0, 2.0], [80.0, None, 82.0])


def test_a_mean_without_an_interval_has_no_bar() -> None:
    mean = trace(axis_chart(FIGURE), "healthy mean, others collapsed")
    assert (list(mean.y), list(mean.error_y.array)) == ([60.0], [None])


def test_the_paper_has_a_panel_of_its_own_under_another_protocol() -> None:
    drawn = axis_chart(FIGURE)
    assert trace(drawn, "paper, other protocol").yaxis == "y2"
    assert [note.text for note in drawn.layout.annotations] == ["collapse"]
    assert drawn.layout.yaxis.domain[0] > drawn.layout.yaxis2.domain[1]  # a panel below, and no second axis on ours
    assert drawn.layout.yaxis2.overlaying is None
    assert drawn.layout.annotations[0].yref == "y2 domain"
    assert trace(axis_chart(replace(FIGURE, same_protocol=True)), "paper, other protocol").yaxis is None


def test_cells_lie_below_each_other_the_first_on_top() -> None:
    drawn = axis_chart(replace(FIGURE, scale="cells"))
    mean = trace(drawn, "mean, 95% interval")
    assert (list(mean.x), list(mean.y)) == ([88.0], [1.0])
    assert drawn.layout.yaxis.range == (1.6, -0.6)
    assert drawn.layout.yaxis.ticktext == ("0.5", "0.99")


def test_axes_are_named_with_units() -> None:
    layout = axis_chart(FIGURE).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("momentum", "top-1 (%)")
    assert layout.yaxis2.title.text == "paper, other protocol (%)"


def test_the_page_says_that_there_are_no_trials(empty_table: AblationTable) -> None:
    assert [note.text for note in axis_chart(axis_figure(empty_table)).layout.annotations] == ["no trials yet"]


@pytest.mark.parametrize("name", ["momentum_table", "components_table"])
def test_every_recorded_value_is_drawn(name: str, request: pytest.FixtureRequest) -> None:
    table = request.getfixturevalue(name)
    drawn = axis_chart(axis_figure(table))
    values = {value for found in drawn.data for value in (*(found.x or ()), *(found.y or ()))}
    assert {trial.value for trial in table.trials if trial.status != "failed"} <= values
