from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.figures.score_distributions import ft_effect, score_distributions
from ftlab.reporting.table.ablation import AblationTable

MakeHistories = Callable[..., Histories]


def test_counts_of_the_seeds_are_added(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = score_distributions(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.edges, figure.epochs, figure.transformed) == ((-1.0, -0.5, 0.0, 0.5, 1.0), (1, 2), False)
    assert [panel.label for panel in figure.panels] == ["0.5", "0.99", "1.0"]
    assert figure.panels[1].shares[POSITIVES] == (
        pytest.approx((0.8, 0.0, 0.2, 0.0)),
        pytest.approx((4 / 6, 0.0, 2 / 6, 0.0)),
    )


def test_an_epoch_that_a_cell_lacks_is_empty(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    counts = momentum_histories.histograms
    cut = counts[(counts["trial_key"] != "1.0-1") | (counts["epoch"] == 2)]
    figure = score_distributions(momentum_table, replace(momentum_histories, histograms=cut))
    assert not isinstance(figure, LeftOut)
    first, second = figure.panels[2].shares[NEGATIVES]
    assert np.isnan(first).all()
    assert sum(second) == pytest.approx(1)


def test_the_effect_is_that_of_the_last_epochs(momentum_table: AblationTable, make_histories: MakeHistories) -> None:
    figure = ft_effect(score_distributions(momentum_table, make_histories({"0.99-0": 1.0}, ft_start=0.0)))
    assert not isinstance(figure, LeftOut)
    assert figure.epochs == (2, 2)
    (panel,) = figure.panels
    assert panel.before[POSITIVES] == pytest.approx((4 / 6, 0, 2 / 6, 0))
    assert panel.after[POSITIVES] == pytest.approx((2 / 6, 0, 2 / 6, 2 / 6))
    assert panel.means_before[POSITIVES] == pytest.approx((4 * -0.75 + 2 * 0.25) / 6)
    assert panel.means_after[POSITIVES] == pytest.approx((2 * -0.75 + 2 * 0.25 + 2 * 0.75) / 6)


def test_reasons(momentum_table: AblationTable, momentum_histories: Histories, no_histories: Histories) -> None:
    nothing = LeftOut("no trial of the table recorded score histograms")
    assert score_distributions(momentum_table, no_histories) == ft_effect(nothing) == nothing
    plain = score_distributions(momentum_table, momentum_histories)
    assert ft_effect(plain) == LeftOut("FT takes part in no cell")
