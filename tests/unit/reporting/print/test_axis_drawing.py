from dataclasses import replace
from math import nan

import pytest

from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint, axis_figure
from ftlab.reporting.print.axis_drawing import draw
from ftlab.reporting.table.ablation import AblationTable

POINT = AxisPoint("0.5", 0.5, True, 88.0, nan, nan, (88.0,), (), 56.24, "")
FIGURE = AxisFigure("title", "start", "top-1 (%)", "numbers", (POINT,), 88.0, "paper", False)


@pytest.fixture(scope="module", autouse=True)
def drawn() -> dict[str, bytes]:
    """The first drawing of a process also pays for loading fonts."""
    return draw(FIGURE)


def test_the_same_figure_gives_the_same_bytes(drawn: dict[str, bytes]) -> None:
    assert list(drawn) == ["png", "pdf"]
    assert draw(FIGURE) == drawn


def test_neither_date_nor_version_is_written(drawn: dict[str, bytes]) -> None:
    assert b"CreationDate" not in drawn["pdf"]
    assert b"Matplotlib" not in drawn["png"] + drawn["pdf"]


def test_a_sweep_is_drawn(momentum_table: AblationTable) -> None:
    assert draw(axis_figure(momentum_table))["png"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_cells_are_drawn(components_table: AblationTable) -> None:
    assert draw(axis_figure(components_table))["pdf"].startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["$x^$", "$\\frac{$", "$\\input{/etc/passwd}$"])
def test_a_name_is_no_formula(name: str) -> None:
    figure = replace(FIGURE, title=name, axis=name, scale="cells", points=(replace(POINT, label=name),))
    assert draw(figure)["png"].startswith(b"\x89PNG")
