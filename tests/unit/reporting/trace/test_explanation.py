from collections.abc import Callable, Mapping

import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.reporting.table.ablation import Cell
from ftlab.reporting.trace.explanation import explain_cell, explanation_lines, find_cell
from ftlab.reporting.trace.provenance import Provenance

CELLS = (
    Cell("none", {"alpha": None, "beta": 0.5}),
    Cell("alpha=0.5", {"alpha": 0.5, "beta": 1.6}),
    Cell("alpha=2.0", {"alpha": 2.0, "beta": 1.6}),
    Cell("2.0", {"alpha": 3.0, "beta": None}),
)


@pytest.mark.parametrize(
    ("wanted", "name"), [("alpha=0.5", "alpha=0.5"), ("3", "2.0"), ("2.0", "2.0"), ("2.00", "alpha=2.0")]
)
def test_a_cell_is_found_by_name_or_value(wanted: str, name: str) -> None:
    assert find_cell(CELLS, wanted).name == name


def test_a_cell_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"but got 'alpha=0.6'. Did you mean 'alpha=0.5'\? Choices: 0.5, 1.6, 2.0"):
        find_cell(CELLS, "alpha=0.6")


def test_a_value_of_several_cells_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must match one cell, but '0.5' matches 2: none, alpha=0.5"):
        find_cell(CELLS, "0.5")


def test_a_cell_is_explained(
    provenance: Provenance, recorded: pd.DataFrame, match_snapshot: Callable[[str, Mapping[str, str]], None]
) -> None:
    cell = find_cell(provenance.definition.cells, "0.9")
    explanation = explain_cell(provenance, recorded, cell)
    assert explanation.differing == {"method.key_momentum": ("0.9", "0.99")}
    match_snapshot("explain", {"make explain CELL=0.9": "\n".join(explanation_lines(explanation))})


def test_what_follows_from_a_difference_is_no_difference(provenance: Provenance, recorded: pd.DataFrame) -> None:
    # A setting that has an effect in one cell alone: another one, which differs, is the reason.
    params = [{**row, "alpha": "2.0"} if "0.9" in row.values() else row for row in recorded["params"]]
    cell = find_cell(provenance.definition.cells, "0.9")
    explanation = explain_cell(provenance, recorded.assign(params=params), cell)
    assert explanation.differing == {"method.key_momentum": ("0.9", "0.99")}


def test_the_baseline_differs_from_nothing(provenance: Provenance, recorded: pd.DataFrame) -> None:
    explanation = explain_cell(provenance, recorded, find_cell(provenance.definition.cells, "0.99"))
    assert (explanation.baseline, explanation.differing) == (None, {})
    lines = explanation_lines(explanation)
    assert "  seed 2: trial 0.99-2, run run-0.99-2, failed, no value" in lines


def test_a_trial_that_is_gone_and_one_of_changed_code_are_told(provenance: Provenance, recorded: pd.DataFrame) -> None:
    cell = find_cell(provenance.definition.cells, "0.9")
    lines = explanation_lines(explain_cell(provenance, recorded[recorded["trial_key"] != "0.9-1"], cell))
    assert lines[-3:] == ["made by (seed 1):", "  commit abc", "  gone from the tracking store"]
