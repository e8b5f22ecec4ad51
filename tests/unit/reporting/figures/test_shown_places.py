from math import nan

from ftlab.reporting.figures.histories import SCORES
from ftlab.reporting.figures.score_curves import EPOCH_AXIS, STEP_AXIS, CellCurves, Curve, ScoreCurves


def curves(num_places: int, axis: str = STEP_AXIS, *, transformed: bool = False) -> ScoreCurves:
    places = tuple(map(float, range(1, num_places + 1)))
    curve = Curve(places, places, places, places)
    cell = CellCurves("a", "a", 1, nan, dict.fromkeys(SCORES, curve))
    return ScoreCurves("t", axis, "", True, transformed, (cell,), "")


def shown(figure: ScoreCurves, num_points: int) -> list[int]:
    return figure.shown_places(figure.cells[0].curves[SCORES[0]], num_points)


def test_steps_stand_on_a_logarithmic_axis_from_the_first_on() -> None:
    figure = curves(1000)
    assert (figure.on_log_steps, figure.first_place) == (True, 1.0)
    assert shown(figure, 4) == [0, 9, 99, 999]


def test_where_ft_begins_later_steps_are_even_and_begin_behind_the_spike() -> None:
    figure = curves(1000, transformed=True)
    assert (figure.on_log_steps, figure.first_place) == (False, 30.0)
    assert shown(figure, 3) == [29, 514, 999]


def test_epochs_are_even() -> None:
    figure = curves(5, EPOCH_AXIS)
    assert not figure.on_log_steps
    assert shown(figure, 100) == [0, 1, 2, 3, 4]


def test_a_curve_that_ended_within_the_spike_has_no_point() -> None:
    figure = curves(1000, transformed=True)
    assert figure.shown_places(Curve((1.0, 2.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), 10) == []
