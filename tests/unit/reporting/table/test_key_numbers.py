from math import isnan

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.key_numbers import key_numbers


def test_each_row_gives_its_numbers(momentum_table: AblationTable) -> None:
    found = key_numbers(momentum_table)
    assert list(found) == [row.cell for row in momentum_table.rows]
    for row in momentum_table.rows:
        numbers = found[row.cell]
        assert numbers["seeds"] == row.summary.n
        assert numbers["collapsed"] == row.n_collapsed
        assert numbers.get("mean") == (None if isnan(row.summary.mean) else row.summary.mean)
        assert ("difference" in numbers) == (row.comparison is not None and not isnan(row.comparison.difference.mean))
        assert not any(map(isnan, numbers.values()))


def test_a_table_without_trials_gives_counts(empty_table: AblationTable) -> None:
    assert {tuple(numbers.items()) for numbers in key_numbers(empty_table).values()} == {
        (("seeds", 0.0), ("collapsed", 0.0))
    }
