from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from ftlab.reporting.printed.answer import answer
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate

METRIC = "probe/few_shot_top1"
MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]


def test_each_row_is_better_or_worse_or_not_told_apart(two_way_table: AblationTable) -> None:
    text = answer(two_way_table)
    assert text.startswith(
        "Against positives interpolate alpha extrapolation 0.2: "
        "better positives extrapolate alpha extrapolation 0.2 (+3.0), "
    )
    assert "; not told apart: positives interpolate alpha extrapolation 0.6 (+0.1). " in text
    assert text.endswith(" points with 80% power.")
    assert "5 seeds find differences of" in text


def test_nothing_is_called_better_without_a_test(components_table: AblationTable) -> None:
    assert answer(components_table) == "Against none: too few seeds for a test: both per element (+6.2)."


def test_no_row_is_better(make_trials: MakeTrials) -> None:
    values = {"plain": (90.0, 91.0, 92.0, 93.0, 90.5), "other": (80.0, 81.0, 82.5, 83.0, 80.0)}
    trials = make_trials({name: [("finished", value) for value in found] for name, found in values.items()})
    cells = [Cell(name, {}, (), name) for name in values]
    text = answer(ablate("t", cells, trials, metric=METRIC, baseline="plain"))
    assert text.startswith("Against plain: no row is better; worse other (-10.0). 5 seeds find differences of ")


def test_each_group_has_its_sentence(methods_table: AblationTable) -> None:
    text = answer(methods_table)
    assert text.count("Against ") == 3
    assert (
        "Against method SimSiam FT none: no row is better; not told apart: method SimSiam FT positives (+0.5)." in text
    )


@pytest.mark.parametrize("change", [{}, {"baseline": None}])
def test_a_table_without_values_has_no_answer(empty_table: AblationTable, change: dict[str, None]) -> None:
    assert answer(replace(empty_table, **change)) == "No trial has a value yet."


def test_a_table_without_a_baseline_names_its_highest_mean(momentum_table: AblationTable) -> None:
    table = replace(momentum_table, baseline=None)
    assert answer(table) == "The highest few-shot top-1 is that of key momentum 0.99: 88.0%."
