from collections.abc import Callable

import pandas as pd
import pytest

from ftlab.reporting.figures.cell_choice import choose_cells, shown_rows
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate

METRIC = "probe/few_shot_top1"


@pytest.fixture
def long_table(make_trials: Callable[..., pd.DataFrame]) -> AblationTable:
    """Twenty cells; the best is the fourth, the worst the sixth, the baseline the second."""
    values = {str(place): [("finished", {3: 99.0, 5: 1.0}.get(place, 50.0 + place))] for place in range(20)}
    cells = [Cell(f"lr={place}", {"train.lr": place}, (), str(place)) for place in range(20)]
    return ablate("t", cells, make_trials(values), metric=METRIC, baseline="lr=1")


def test_few_cells_are_all_shown(momentum_table: AblationTable) -> None:
    choice = choose_cells(momentum_table, {trial.trial_key for trial in momentum_table.trials})
    assert [cell.label for cell in choice.cells] == ["0.5", "0.9", "0.99", "1.0"]
    assert choice.cells[2].trial_keys == ("0.99-0", "0.99-1", "0.99-2")
    assert choice.note == ""


def test_cells_without_a_record_are_named(momentum_table: AblationTable) -> None:
    choice = choose_cells(momentum_table, {"0.99-1"})
    assert [(cell.name, cell.trial_keys) for cell in choice.cells] == [("key_momentum=0.99", ("0.99-1",))]
    assert choice.note == "Not recorded: 0.5, 0.9, 1.0."


@pytest.mark.parametrize("max_cells", [3, 4, 7, 12, 19])
def test_many_cells_are_thinned_out(long_table: AblationTable, max_cells: int) -> None:
    names = [row.cell for row in shown_rows(long_table, max_cells)]
    assert len(names) == max_cells
    assert {"lr=1", "lr=3", "lr=5"} <= {*names}
    assert names == sorted(names, key=[row.cell for row in long_table.rows].index)


def test_the_note_says_how_cells_were_chosen(long_table: AblationTable) -> None:
    choice = choose_cells(long_table, {trial.trial_key for trial in long_table.trials})
    assert len(choice.cells) == 12
    assert choice.note == "12 of 20 cells, evenly spaced, with baseline, best and worst."
    assert {"lr=0", "lr=19"} <= {cell.name for cell in choice.cells}
