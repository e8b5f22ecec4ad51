"""Statements of tables that once were not true, each on a literal table."""

import csv
import re
from collections.abc import Callable
from io import StringIO
from math import nan

import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.reporting.inference.collapse import trial_state
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.table.baselines import GroupBaselines, find_group_baselines
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv

METRIC = "probe/few_shot_top1"
BASE = [80.0, 81.0, 79.5, 80.5, 80.2]

Outcomes = dict[str, list[tuple[str, float]]]
MakeTrials = Callable[[Outcomes], pd.DataFrame]


@pytest.fixture
def tabulate(make_trials: MakeTrials) -> Callable[..., AblationTable]:
    """A table of a baseline and other cells, from values of finished seeds, or (status, value) pairs."""

    def make(**cells: list[float | tuple[str, float]]) -> AblationTable:
        outcomes = {
            name: [value if isinstance(value, tuple) else ("finished", value) for value in values]
            for name, values in {"base": BASE, **cells}.items()
        }
        most = max(map(len, outcomes.values()))
        rows = [Cell(name, {}, tuple(f"{name}-{seed}" for seed in range(most)), name) for name in outcomes]
        return ablate("t", rows, make_trials(outcomes), metric=METRIC, baseline="base")

    return make


Tabulate = Callable[..., AblationTable]


def test_a_value_that_is_not_a_number_is_counted_and_named(tabulate: Tabulate) -> None:
    table = tabulate(a=[*BASE[:4], nan])
    assert (table.rows[1].summary.n, table.rows[1].n_without_value) == (4, 1)
    assert "Ended without a value, in no mean: a (1 of 5)." in table_md(table)


def test_a_collapsed_trial_without_a_value_is_not_said_to_be_in_the_mean(tabulate: Tabulate) -> None:
    text = table_md(tabulate(a=[*BASE[:4], ("collapsed", nan)]))
    assert "Collapsed, not in the mean, with the exact 95% interval of the rate: a (1 of 5, rate 1% to 72%)." in text
    assert "counted in the mean" not in text


def test_a_row_that_is_not_finished_is_never_bold(tabulate: Tabulate) -> None:
    table = tabulate(a=[99.0])
    assert table.rows[1].n_missing == 4
    assert "**" not in table_md(table)


def test_a_constant_difference_has_a_p_and_an_interval_with_a_width(tabulate: Tabulate) -> None:
    constant, other = (
        row.comparison for row in tabulate(a=[v + 0.3 for v in BASE], b=[70.0, 72.0, 71.0, 69, 73]).rows[1:]
    )
    assert constant is not None
    assert other is not None
    assert constant.p < 0.05
    assert 0.0 < constant.difference.ci_low < 0.3 < constant.difference.ci_high
    assert constant.tests == other.tests == 2


def test_no_interval_leaves_the_scale(tabulate: Tabulate) -> None:
    summary = tabulate(a=[99.0, 98.0, 70.0]).rows[1].summary
    assert (summary.ci_low > 0.0, summary.ci_high) == (True, 100.0)


def test_a_fluke_of_three_seeds_has_no_p_and_says_what_three_seeds_find(tabulate: Tabulate) -> None:
    table = tabulate(a=[79.7, 80.71, 79.19])
    comparison = table.rows[1].comparison
    assert comparison is not None
    assert comparison.p != comparison.p
    text = table_md(table)
    assert "A screen without test and bold, below 4 healthy pairs: a (3); each interval is a simple one." in text
    assert "3 seeds find only differences above " in text


def test_a_difference_beyond_the_scale_is_written_in_digits(tabulate: Tabulate) -> None:
    text = table_md(tabulate(**{name: [70.0, 73.0] for name in "abcdefghij"}))
    (found,) = re.findall(r"2 seeds find only differences above (.*) points", text)
    assert int(found) > 100


def test_a_large_difference_has_a_p_that_agrees_with_its_interval(tabulate: Tabulate) -> None:
    table = tabulate(**{name: [60.0 + shift, 64.0, 58.0, 61.5, 63.0] for shift, name in enumerate("abcdefgh")})
    for row in table.rows[1:]:
        assert row.comparison is not None
        assert row.comparison.difference.ci_high < 0.0
        assert row.comparison.p < 0.05
        assert row.outcome == "worse"


def test_better_needs_a_row_that_does_not_collapse_more(tabulate: Tabulate) -> None:
    high = [value + 9.5 + seed / 10 for seed, value in enumerate(BASE)]
    table = tabulate(a=high, b=[("collapsed", 50.0), *high[1:]])
    assert [row.outcome for row in table.rows] == ["", "better", "collapses 1 of 5"]
    assert [row.n_collapsed for row in table.rows] == [0, 0, 1]


@pytest.mark.parametrize("rankme", [1.0, 30.0, nan])
def test_scores_that_collapsed_over_healthy_features_are_degenerate(make_trials: MakeTrials, rankme: float) -> None:
    trials = make_trials({"a": [("collapsed", 92.0)] * 4})
    trials["health/backbone_rankme"] = rankme
    trials["scores/positive_mean"], trials["scores/negative_mean"] = 0.92, 0.9
    table = ablate("t", [Cell("a", {}, (), "a")], trials, metric=METRIC)
    degenerate = trial_state(True, rankme) == "degenerate"
    row = table.rows[0]
    assert (row.summary.n, row.n_degenerate, row.n_collapsed) == ((4, 4, 0) if degenerate else (0, 0, 4))
    assert ("scores collapsed and features did not: a (4 of 4)" in table_md(table)) is degenerate
    line = next(csv.DictReader(StringIO(trials_csv(table))))
    assert (float(line["score_margin"]), line["score_margin_threshold"]) == (pytest.approx(0.02), "0.05")
    assert line["status"] == ("degenerate" if degenerate else "collapsed")


@pytest.mark.parametrize(
    ("names", "cell"),
    [
        (["moco none", "moco both", "simclr none", "simclr both"], "none"),
        (["name=moco part=none", "name=moco part=both", "name=simclr part=none", "name=simclr part=both"], "part=none"),
        (["m1", "m2", "s1", "s2"], "none"),
        (["none (moco)", "both (moco)", "none (simclr)", "both (simclr)"], "none"),
        (["moco: none", "moco: both", "simclr: none", "simclr: both"], "none"),
    ],
)
def test_each_group_has_its_own_baseline_and_family(make_trials: MakeTrials, names: list[str], cell: str) -> None:
    axes = [{"method.name": method, "part": part} for method in ("moco", "simclr") for part in ("none", "both")]
    baselines = find_group_baselines(dict(zip(names, axes, strict=True)), "method.name", cell, "here")
    assert baselines == GroupBaselines("method.name", {"moco": names[0], "simclr": names[2]})
    trials = make_trials({name: [("finished", value + place) for value in BASE] for place, name in enumerate(names)})
    cells = [Cell(name, values, (), name) for name, values in zip(names, axes, strict=True)]
    table = ablate("t", cells, trials, metric=METRIC, baseline=baselines)
    assert [row.baseline for row in table.rows] == [names[0], names[0], names[2], names[2]]
    assert [row.comparison.tests if row.comparison else 0 for row in table.rows] == [0, 1, 0, 1]
    assert "Baseline of each method, with tests of its own: " in table_md(table)
    assert [line["baseline"] for line in csv.DictReader(StringIO(table_csv(table)))] == [
        row.baseline for row in table.rows
    ]


def test_a_table_whose_other_rows_all_collapsed_still_names_its_baseline(tabulate: Tabulate) -> None:
    text = table_md(tabulate(a=[("collapsed", 50.0)] * 5))
    assert "| baseline | - |" in text
    assert "| - | collapses 5 of 5 |" in text


def test_a_table_of_screens_alone_says_so_at_once(tabulate: Tabulate) -> None:
    text = table_md(tabulate(**{name: [82.0, 83.5] for name in "abcd"}))
    assert "A screen without test and bold, below 4 healthy pairs: every row (2); each interval is" in text


def test_groups_of_an_axis_that_has_no_effect_are_refused_by_its_name() -> None:
    rows = {
        f"width={width} FT={name}": {"model.width": None, "FT": name} for width in (16, 32) for name in ("none", "both")
    }
    with pytest.raises(ConfigError, match=r"must be an axis with an effect, but 'model\.width' has none"):
        find_group_baselines(rows, "model.width", "none", "here")
