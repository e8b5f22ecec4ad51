from dataclasses import replace
from math import isnan

import numpy as np
import pandas as pd

from ftlab.reporting.figures.histories import SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.score_surfaces import MAX_STEPS, score_surfaces
from ftlab.reporting.table.ablation import AblationTable


def test_a_row_of_means_per_cell(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = score_surfaces(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.axis, figure.labels, figure.places) == ("key momentum", ("0.5", "0.99", "1.0"), (1, 2, 3, 4))
    assert tuple(figure.surfaces) == SEEN_SCORES[::-1]
    expected = [[0.2, 0.4, 0.6, 0.8], [3, 6, 9, 12], [5, 10, 15, 20]]
    np.testing.assert_allclose(figure.surfaces["scores/negative_mean_transformed"], expected)


def test_a_cell_that_stopped_early_has_no_height_there(
    momentum_table: AblationTable, momentum_histories: Histories
) -> None:
    steps = momentum_histories.steps
    cut = steps[(steps["trial_key"] != "1.0-1") | (steps["step"] <= 2)]
    figure = score_surfaces(momentum_table, replace(momentum_histories, steps=cut))
    assert not isinstance(figure, LeftOut)
    row = figure.surfaces["scores/positive_mean_transformed"][2]
    assert row[:2] == (5, 10)
    assert all(isnan(value) for value in row[2:])


def test_a_long_training_is_thinned_out(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    steps = momentum_histories.steps
    parts = [steps[steps["step"] == 1].assign(step=step) for step in range(1, 1001)]
    figure = score_surfaces(momentum_table, replace(momentum_histories, steps=pd.concat(parts)))
    assert not isinstance(figure, LeftOut)
    assert len(figure.places) == MAX_STEPS
    assert (figure.places[0], figure.places[-1]) == (1, 1000)


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
    assert (len(figure.places), figure.places[0], figure.places[-1]) == (MAX_STEPS, 1.0, 50_000.0)
    assert sum(place <= 500 for place in figure.places) <= 2
