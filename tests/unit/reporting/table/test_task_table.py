from math import isnan, nan

import pytest

from ftlab.reporting.printed.layout import NOTHING
from ftlab.reporting.table.task_table import TaskTable, tabulate_tasks
from ftlab.reporting.writers.task_writer import tasks_csv, tasks_md, tasks_tex

VALUES = {
    "none": {"birds": [80.0, 82.0], "a_b": [50.0, 50.0]},
    "positives": {"birds": [90.0, 91.0], "a_b": [50.0, 50.0]},
    "both": {"birds": [70.0, 70.5], "a_b": [60.0, 61.0]},
}


@pytest.fixture
def table() -> TaskTable:
    return tabulate_tasks("What transfers?", ["birds", "a_b"], VALUES, ["5 labels."])


def test_ranks_are_the_means_over_tasks_and_ties_share_theirs(table: TaskTable) -> None:
    # By loops: a rank is one more than the number of better rows, plus half of the equal ones.
    means = {cell: [sum(values) / 2 for values in found.values()] for cell, found in VALUES.items()}
    for row in table.rows:
        ranks = []
        for task in range(2):
            own = means[row.name][task]
            better = sum(other[task] > own for other in means.values())
            equal = sum(other[task] == own for other in means.values()) - 1
            ranks.append(1 + better + equal / 2)
        assert row.mean_rank == pytest.approx(sum(ranks) / 2)


def test_a_missing_value_leaves_no_rank() -> None:
    table = tabulate_tasks("?", ["birds"], {"a": {"birds": [80.0]}, "b": {}})
    assert all(isnan(row.mean_rank) for row in table.rows)
    assert [row.summaries[0].n for row in table.rows] == [1, 0]
    assert f"| b | {NOTHING} | {NOTHING} |" in tasks_md(table)


def test_the_table_is_written_in_three_formats(table: TaskTable) -> None:
    assert "| none | 81.0 ± 12.7 | 50.0 | 2.25 |" in tasks_md(table)
    assert tasks_md(table).endswith("\n\n5 labels.\n")
    first = tasks_csv(table).splitlines()[1].split(",")
    assert first[:4] == ["none", "birds", "2", "81.0"]
    assert r"positives & $90.5 \pm 6.4$ & $50.0$ & $1.75$ \\" in tasks_tex(table)
    assert r"cell & birds & a\_b & mean rank \\" in tasks_tex(table)


def test_a_single_seed_has_no_interval() -> None:
    table = tabulate_tasks("?", ["birds"], {"a": {"birds": [80.0]}})
    assert "| a | 80.0 | 1.00 |" in tasks_md(table)
    assert nan not in [row.mean_rank for row in table.rows]
