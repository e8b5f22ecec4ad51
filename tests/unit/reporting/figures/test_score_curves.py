from collections.abc import Callable
from dataclasses import replace
from math import isnan

from ftlab.reporting.figures.histories import SCORES, SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.score_curves import Curve, score_curves
from ftlab.reporting.table.ablation import AblationTable

MakeHistories = Callable[..., Histories]


def test_a_curve_is_the_mean_and_the_range_of_the_seeds(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    figure = score_curves(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.axis, figure.legend, figure.ordered) == ("optimiser step", "key momentum", True)
    assert [(cell.label, cell.num_seeds) for cell in figure.cells] == [("0.5", 2), ("0.99", 3), ("1.0", 1)]
    assert figure.note == "Not recorded: 0.9."
    best = figure.cells[1]
    assert set(best.curves) == {*SCORES, *SEEN_SCORES}
    assert best.curves["scores/negative_mean"] == Curve(
        places=(1, 2, 3, 4), mean=(3, 6, 9, 12), low=(1, 2, 3, 4), high=(6, 12, 18, 24)
    )


def test_a_seed_that_stopped_early_counts_as_far_as_it_came(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    steps = momentum_histories.steps
    cut = steps[(steps["trial_key"] != "0.99-2") | (steps["step"] <= 2)]
    figure = score_curves(momentum_table, replace(momentum_histories, steps=cut))
    assert not isinstance(figure, LeftOut)
    assert figure.cells[1].curves["scores/positive_mean"].mean == (3, 6, 4.5, 6)


def test_trials_of_before_steps_were_recorded_show_epochs(
    momentum_table: AblationTable, make_histories: MakeHistories
) -> None:
    figure = score_curves(momentum_table, make_histories({"0.5-0": 0.5}, ft_start=1.0, steps=False))
    assert not isinstance(figure, LeftOut)
    assert figure.axis == "epoch (mean over its steps)"
    assert figure.cells[0].curves["scores/positive_mean"] == Curve((1, 2), (0.5, 1.0), (0.5, 1.0), (0.5, 1.0))
    assert figure.cells[0].ft_start == 1


def test_ft_begins_at_a_step(momentum_table: AblationTable, make_histories: MakeHistories) -> None:
    figure = score_curves(momentum_table, make_histories({"0.5-0": 0.5}, ft_start=1.0))
    assert not isinstance(figure, LeftOut)
    assert (figure.transformed, figure.cells[0].ft_start) == (True, 2)


def test_without_ft_nothing_begins(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = score_curves(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert not figure.transformed
    assert all(isnan(cell.ft_start) for cell in figure.cells)


def test_without_a_history_there_is_a_reason(momentum_table: AblationTable, no_histories: Histories) -> None:
    assert score_curves(momentum_table, no_histories) == LeftOut("no trial of the table recorded score statistics")
