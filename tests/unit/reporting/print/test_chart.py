from math import nan

import numpy as np
import pytest
from matplotlib.figure import Figure

from ftlab.reporting.print.chart import Chart


@pytest.mark.parametrize("sideways", [False, True])
def test_marks_stand_at_their_place_and_value(sideways: bool) -> None:
    chart = Chart(Figure().subplots(), sideways=sideways)
    chart.plot([(1.0, 80.0), (2.0, nan), (3.0, 90.0)], "o", label="mean")
    (drawn,) = chart.axes.get_lines()
    places, values = np.asarray(drawn.get_xydata()).T[:: -1 if sideways else 1]
    assert (places.tolist(), values.tolist()) == ([1.0, 3.0], [80.0, 90.0])
    assert drawn.get_label() == "mean"


@pytest.mark.parametrize("sideways", [False, True])
def test_a_word_stands_at_its_place_and_at_no_value(sideways: bool) -> None:
    chart = Chart(Figure().subplots(), sideways=sideways)
    chart.word(2.0, "collapse", "red")
    (word,) = chart.axes.texts
    assert (word.get_text(), word.get_position()[int(sideways)]) == ("collapse", 2.0)
    assert chart.axes.dataLim.height <= 0.0  # no scale grows for it


def test_labels_beside_each_other_are_few_and_short() -> None:
    chart = Chart(Figure().subplots(), sideways=True)
    chart.plot([(0, 71.1), (1, 77.2)], "o")
    chart.mark_few_values()
    low, high = chart.axes.get_xlim()
    assert [value for value in chart.axes.get_xticks() if low <= value <= high] == [72, 76]


def test_rows_run_downwards() -> None:
    chart = Chart(Figure().subplots(), sideways=True)
    chart.name_places("cell", [0, 1, 2], ["a", "b", "c"])
    bottom, top = chart.axes.get_ylim()
    assert bottom > top
