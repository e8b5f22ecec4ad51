from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.writers.markdown import table_md


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of the first table of a text by their headings."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable, momentum_table: AblationTable) -> None:
    plain, seeded = (table_md(table).splitlines() for table in (momentum_table, seeded_table))
    assert rows_of(table_md(seeded_table))[2]["seeds ended"] == "told by 3 & no more"
    assert [line for line in seeded[9:] if line not in plain] == [
        "Baseline: key momentum 0.99. Difference: mean over the seeds that are healthy in both rows, conditional on "
        "that. The interval is the repeated confidence interval of the rule that gave the seeds; there are no other "
        "tests, since the rule has looked at the values.",
        "Seeds by a rule: 5% & less.",
    ]


def test_named_cells_keep_their_names(components_table: AblationTable) -> None:
    text = table_md(components_table)
    wanted = {"cell": "both_per_element", "positives": "extrapolate", "granularity": "element"}
    assert wanted.items() <= rows_of(text)[1].items()
    assert rows_of(text)[0]["granularity"] == "-"
    assert [row["few-shot top-1 (%)"] for row in rows_of(text)] == ["86.0", "92.2"]
    assert any(line.startswith("Paper: ") and line.endswith("Same protocol: yes.") for line in text.splitlines())


def test_differences_have_corrected_p_values(two_way_table: AblationTable) -> None:
    table = replace(two_way_table, axes=("transform.positives",))
    rows = rows_of(table_md(table))
    found = [(row["difference [95% interval]"], row["p"]) for row in rows]
    assert (found[0], found[2]) == (("baseline", "-"), ("+0.1 [-0.1, +0.3]", "0.445"))
    tests = "p: paired t test, two-sided, corrected for 5 comparisons as the interval is: p &lt; 0.05 where that"
    assert tests in table_md(table)


def test_two_axes_give_a_two_way_table(two_way_table: AblationTable) -> None:
    means, differences = table_md(two_way_table).split("**difference to the baseline**")
    assert [(row["alpha extrapolation / positives"]) for row in rows_of(means)] == ["0.2", "0.6", "2.0"]
    assert rows_of(means)[1]["extrapolate"].startswith("**89.0** ")
    assert rows_of(differences)[0]["interpolate"] == "baseline"
    assert rows_of(differences)[0]["extrapolate"].startswith("+3.0 ")


def test_an_empty_store(empty_table: AblationTable) -> None:
    text = table_md(empty_table)
    assert [row["few-shot top-1 (%)"] for row in rows_of(text)] == ["-"] * 5
    assert "No trial has a value yet." in text
    assert "Paper" not in text


def test_texts_cannot_break_the_table(
    make_trials: Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame],
) -> None:
    cells = [Cell("a|b\n*c* <script>", {}, (), "x")]
    text = table_md(ablate("t", cells, make_trials({}), metric="knn/top1"))
    assert "\n| a\\|b \\*c\\* &lt;script> | 0 |" in text
