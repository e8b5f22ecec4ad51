from dataclasses import replace

import numpy as np

from ftlab.reporting.figures.gradient_landscape import gradient_landscape
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.table.ablation import AblationTable


def test_means_over_the_seeds_by_layer_and_epoch(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    figure = gradient_landscape(momentum_table, momentum_histories)
    assert not isinstance(figure, LeftOut)
    assert (figure.layers, figure.epochs) == (("conv", "fc"), (1, 2))
    assert [panel.label for panel in figure.panels] == ["0.5", "0.99", "1.0"]
    assert figure.panels[1].norms == ((3, 6), (6, 12))


def test_an_epoch_that_a_cell_lacks_is_empty(momentum_table: AblationTable, momentum_histories: Histories) -> None:
    norms = momentum_histories.gradient_norms
    cut = norms[(norms["trial_key"] != "1.0-1") | (norms["epoch"] == 1)]
    figure = gradient_landscape(momentum_table, replace(momentum_histories, gradient_norms=cut))
    assert not isinstance(figure, LeftOut)
    np.testing.assert_equal(figure.panels[2].norms, [[5, np.nan], [10, np.nan]])


def test_without_norms_there_is_a_reason(momentum_table: AblationTable, no_histories: Histories) -> None:
    expected = LeftOut("no trial of the table recorded gradient norms")
    assert gradient_landscape(momentum_table, no_histories) == expected
