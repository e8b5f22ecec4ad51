from dataclasses import replace
from math import isnan

import numpy as np
import pandas as pd
import pytest

from ftlab.reporting.figures.histories import SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.score_surfaces import MAX_STEPS, score_surfaces
from ftlab.reporting.table.ablation import AblationTable


def test_a_row_of_means_per_cell(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = score_surfaces(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.axis, figure.labels, figure.places) == ("key momentum", ("1.0", "0.99", "0.5"), (1, 2, 3, 4))
    assert tuple(figure.surfaces) == SEEN_SCORES[::-1]
    expected = [[5, 10, 15, 20], [3, 6, 9, 12], [0.2, 0.4, 0.6, 0.8]]
    np.testing.assert_allclose(figure.surfaces["scores/negative_mean_transformed"], expected)


def test_a_cell_that_stopped_early_has_no_height_there(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    steps = momentum_histories.steps
    cut = steps[(steps["trial_key"] != "1.0-1") | (steps["step"] <= 2)]
    figure = score_surfaces(momentum_table, replace(momentum_histories, steps=cut))
    assert not isinstance(figure, LeftOut)
    row = figure.surfaces["scores/positive_mean_transformed"][0]
    assert row[:2] == (5, 10)
    assert all(isnan(value) for value in row[2:])


@pytest.mark.slow
def test_a_long_training_is_thinned_out(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    steps = momentum_histories.steps
    parts = [steps[steps["step"] == 1].assign(step=step) for step in range(1, 1001)]
    figure = score_surfaces(momentum_table, replace(momentum_histories, steps=pd.concat(parts)))
    assert not isinstance(figure, LeftOut)
    assert len(figure.places) == MAX_STEPS
    assert (figure.places[0], figure.places[-1]) == (30, 1000)


def test_reasons(
    momentum_table: AblationTable,
    components_table: AblationTable,
    momentum_histories: Histories,
    no_histories: Histories,
) -> None:
    steps, metrics = momentum_histories.steps, momentum_histories.metrics
    two = replace(
        momentum_histories,
        steps=steps[steps["trial_key"] != "1.0-1"],
        metrics=metrics[metrics["trial_key"] != "1.0-1"],
    )
    assert score_surfaces(components_table, no_histories) == LeftOut("no single numeric axis is swept")
    assert score_surfaces(momentum_table, no_histories) == LeftOut("no trial of the table recorded score statistics")
    assert score_surfaces(momentum_table, two) == LeftOut(
        "a surface needs three cells with score statistics, but 2 have them"
    )


def test_a_dense_first_epoch_takes_no_more_room_than_any_other(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    steps = [*range(1, 501), *range(525, 50_001, 25)]  # all of the first hundredth, then a twenty-fifth
    keys = momentum_histories.steps["trial_key"].unique()
    rows = [(key, -(-step // 500), step, name, 0.5) for key in keys for name in SEEN_SCORES for step in steps]
    dense = pd.DataFrame(rows, columns=momentum_histories.steps.columns)
    figure = score_surfaces(momentum_table, replace(momentum_histories, steps=dense))
    assert not isinstance(figure, LeftOut)
    assert (len(figure.places), figure.places[0], figure.places[-1]) == (MAX_STEPS, 1500.0, 50_000.0)
    assert np.diff(figure.places).max() < 520


def test_rows_that_collapsed_stand_behind(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    healthy = replace(
        momentum_table, rows=tuple(replace(row, n_collapsed=0, n_degenerate=0) for row in momentum_table.rows)
    )
    figure = score_surfaces(healthy, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.labels, figure.is_reversed) == (("0.5", "0.99", "1.0"), False)
    last = tuple(replace(row, n_collapsed=int(row.cell.endswith("1.0"))) for row in healthy.rows)
    figure = score_surfaces(replace(healthy, rows=last), momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.labels, figure.is_reversed) == (("0.5", "0.99", "1.0"), False)


def test_rows_have_their_accuracies(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = score_surfaces(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert figure.row_titles == ("1.0: 85.0%", "0.99: 88.0%", "0.5: 76.0%")
    assert figure.note == "Mean few-shot top-1 at 1.0: 85.0%, 0.99: 88.0%, 0.5: 76.0%. Not recorded: 0.9."
