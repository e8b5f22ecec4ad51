from math import nan

import numpy as np
import pytest
from matplotlib.figure import Figure

from ftlab.reporting.print.chart import Chart


@pytest.mark.parametrize("sideways", [False, True])
def test_marks_stand_at_their_place_and_value(sideways: bool) -> None:
    chart = Chart(Figure().subplots(), sideways=sideways)
    chart.plot([(1.0, 80.0), (2.0, nan), (3.0, 90.0)], "o", label="mean")
    drawn, footed = chart.axes.get_lines()
    places, values = np.asarray(drawn.get_xydata()).T[:: -1 if sideways else 1]
    assert (places.tolist(), values.tolist()) == ([1.0, 3.0], [80.0, 90.0])
    assert np.asarray(footed.get_xydata())[0, int(sideways)] == 2.0
    assert (drawn.get_label(), footed.get_label()) == ("mean", "_")


def test_rows_run_downwards() -> None:
    chart = Chart(Figure().subplots(), sideways=True)
    chart.name_places("cell", [0, 1, 2], ["a", "b", "c"])
    bottom, top = chart.axes.get_ylim()
    assert bottom > top
