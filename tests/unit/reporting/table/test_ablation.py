from collections.abc import Callable
from dataclasses import FrozenInstanceError
from math import isnan, nan

import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.reporting.table.ablation import AblationRow, AblationTable, Cell, Seeding, SeenDifference, ablate
from ftlab.reporting.writers.markdown import table_md

METRIC = "probe/few_shot_top1"

MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]


def row_of(table: AblationTable, momentum: float) -> AblationRow:
    return next(row for row in table.rows if row.axes["method.key_momentum"] == momentum)


def test_a_whole_cell(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 0.99)
    assert (row.summary.n, row.summary.mean, row.summary.std) == (3, 88.0, 1.0)
    assert (row.n_trials, row.n_collapsed, row.n_failed, row.n_missing) == (3, 0, 0, 0)


def test_one_seed(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 0.9)
    assert (row.summary.n, row.summary.mean, row.n_missing) == (1, 81.0, 2)
    assert isnan(row.summary.std)


def test_collapse_is_counted_and_the_mean_is_that_of_healthy_seeds(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 0.5)
    assert (row.summary.n, row.summary.mean, row.n_collapsed) == (1, 76.0, 1)
    assert (row.overall.n, row.overall.mean, str(row.collapse)) == (2, 64.0, "1 of 2")
    assert row.outcome == "collapses 1 of 2"


def test_failed_trials_are_counted_and_running_ones_are_missing(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 1.0)
    assert (row.summary.n, row.summary.mean, row.n_failed, row.n_missing) == (1, 85.0, 1, 1)
    assert [trial.status for trial in momentum_table.trials_of(row.cell)] == ["failed", "finished"]


def test_a_cell_without_trials_is_a_row(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 0.999)
    assert (row.summary.n, row.n_trials, row.n_missing) == (0, 0, 3)
    assert isnan(row.summary.mean)


def test_an_empty_store_gives_every_row(empty_table: AblationTable) -> None:
    assert [row.summary.n for row in empty_table.rows] == [0] * 5
    assert empty_table.trials == ()
    assert empty_table.title == "momentum"


def best_of(make_trials: MakeTrials, values: dict[str, list[float]], **options: object) -> list[str]:
    trials = make_trials({cell: [("finished", value) for value in found] for cell, found in values.items()})
    cells = [Cell(name, {}, tuple(f"{name}-{seed}" for seed in range(5)), name) for name in values]
    table = ablate("t", cells, trials, metric=METRIC, **options)  # type: ignore[arg-type]
    return [row.cell for row in table.rows if row.is_best]


HIGH, NEAR, LOW = [88.0, 90.0, 89.0, 91.0, 90.0], [88.5, 89.0, 89.5, 90.0, 91.0], [70.0, 71.5, 71.0, 72.0, 70.5]


def test_the_rows_that_none_beats_are_the_best(make_trials: MakeTrials) -> None:
    assert best_of(make_trials, {"a": HIGH, "b": NEAR, "c": LOW}) == ["a", "b"]
    assert best_of(make_trials, {"a": HIGH, "c": LOW}) == ["a"]


@pytest.mark.parametrize(
    "values",
    [{"a": HIGH}, {"a": HIGH[:4], "b": LOW}, {"a": HIGH[:4], "b": LOW[:4]}, {"a": [*HIGH[:4], nan], "b": LOW}],
)
def test_a_single_complete_row_is_no_best(make_trials: MakeTrials, values: dict[str, list[float]]) -> None:
    assert best_of(make_trials, values) == []


def test_a_row_that_is_not_complete_is_never_the_best(make_trials: MakeTrials) -> None:
    assert best_of(make_trials, {"a": HIGH[:4], "b": LOW, "c": [low - 20 for low in LOW]}) == ["b"]


def test_seeds_by_a_rule_have_no_best(make_trials: MakeTrials) -> None:
    assert best_of(make_trials, {"a": HIGH, "c": LOW}, seeding=Seeding({"a": "", "c": ""}, "A rule.")) == []


def test_without_trial_keys_a_cell_takes_every_recorded_seed(momentum_trials: pd.DataFrame) -> None:
    table = ablate("t", [Cell("x", {}, (), "0.99"), Cell("y", {}, ("0.99-1",), "0.99")], momentum_trials, metric=METRIC)
    assert [row.summary.n for row in table.rows] == [3, 1]
    assert [(trial.cell, trial.seed) for trial in table.trials] == [("x", 0), ("x", 1), ("x", 2), ("y", 1)]


def test_trials_are_ordered_by_cell_then_seed(momentum_cells: list[Cell], momentum_trials: pd.DataFrame) -> None:
    backwards = ablate("t", momentum_cells, momentum_trials.iloc[::-1], metric=METRIC)
    assert [trial.trial_key for trial in backwards.trials] == [
        "0.5-0", "0.5-1", "0.9-0", "0.99-0", "0.99-1", "0.99-2", "1.0-0", "1.0-1",
    ]  # fmt: skip


def test_a_trial_keeps_its_metrics_but_not_its_durations(momentum_table: AblationTable) -> None:
    trial = momentum_table.trials_of("key_momentum=0.9")[0]
    assert trial.metrics == {"knn/top1": 27.0, METRIC: 81.0}
    assert (trial.value, trial.run_id) == (81.0, "run-0.9-0")


def test_a_failed_trial_has_no_metrics(make_trials: MakeTrials) -> None:
    table = ablate("t", [Cell("x", {}, (), "x")], make_trials({"x": [("failed", 12.0)]}), metric=METRIC)
    assert table.trials[0].metrics == {}
    assert isnan(table.trials[0].value)
    assert (table.rows[0].summary.n, table.rows[0].n_failed) == (0, 1)


def test_a_collapsed_trial_without_a_value_is_counted(make_trials: MakeTrials) -> None:
    trials = make_trials({"x": [("collapsed", nan), ("finished", 80.0)]})
    row = ablate("t", [Cell("x", {}, (), "x")], trials, metric=METRIC).rows[0]
    assert (row.summary.n, row.summary.mean, row.n_trials, row.n_collapsed) == (1, 80.0, 2, 1)
    assert (row.n_without_value, str(row.collapse)) == (0, "1 of 2")


def test_axes_keep_the_order_of_their_first_appearance(make_trials: MakeTrials) -> None:
    cells = [Cell("x", {"b": 1}), Cell("y", {"a": 2, "b": 1}), Cell("z", {"c": None})]
    assert ablate("t", cells, make_trials({}), metric=METRIC).axes == ("b", "a", "c")


def test_published_values_and_protocol(momentum_table: AblationTable) -> None:
    shown = [row.published.shown if row.published else None for row in momentum_table.rows]
    assert shown == ["collapse", "46.5", "56.24", "53.1", "31.2"]
    assert momentum_table.published_protocol == "ImageNet-100, linear top-1, ResNet-18, 100 epochs"
    assert not momentum_table.same_protocol


def test_the_same_protocol_is_recognised(components_table: AblationTable, empty_table: AblationTable) -> None:
    assert components_table.same_protocol
    assert not empty_table.same_protocol
    assert empty_table.published_protocol == ""


def test_tables_are_frozen(momentum_table: AblationTable) -> None:
    with pytest.raises(FrozenInstanceError):
        momentum_table.name = "other"  # type: ignore[misc]


def test_a_metric_that_no_trial_recorded_is_refused(momentum_cells: list[Cell], momentum_trials: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"got 'knn/top'\. Did you mean 'knn/top1'"):
        ablate("t", momentum_cells, momentum_trials, metric="knn/top")


def test_no_finished_trial_needs_no_metric(make_trials: MakeTrials) -> None:
    trials = make_trials({"x": [("failed", nan)]}).drop(columns=METRIC)
    assert ablate("t", [Cell("x", {}, (), "x")], trials, metric=METRIC).rows[0].n_failed == 1


def test_an_unknown_baseline_is_refused(momentum_cells: list[Cell]) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'key_momentum=0\.99'"):
        ablate("t", momentum_cells, pd.DataFrame(), metric=METRIC, baseline="momentum=0.99")


def test_two_cells_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="got 'x' twice"):
        ablate("t", [Cell("x", {}), Cell("x", {})], pd.DataFrame(), metric=METRIC)


def test_cells_are_compared_by_common_seeds(momentum_table: AblationTable) -> None:
    found = row_of(momentum_table, 1.0).comparison
    assert found is not None
    assert (found.difference.n, found.n_unpaired, found.difference.mean) == (1, 2, -3.0)
    assert row_of(momentum_table, 0.99).comparison is None


def test_seeds_that_are_healthy_in_both_rows_are_compared(momentum_table: AblationTable) -> None:
    found = row_of(momentum_table, 0.5).comparison
    assert found is not None
    assert (found.difference.n, found.difference.mean) == (1, -12.0)


def test_without_a_baseline_nothing_is_compared(empty_table: AblationTable) -> None:
    assert {row.comparison for row in empty_table.rows} == {None}


def test_p_values_are_corrected_over_the_table(two_way_table: AblationTable) -> None:
    found = [row.comparison for row in two_way_table.rows if row.comparison]
    assert [comparison.p for comparison in found] == pytest.approx([4.1e-4, 0.445, 4.7e-7, 1.8e-3, 3.5e-4], rel=0.02)
    assert {comparison.tests for comparison in found} == {5}
    assert [row.outcome for row in two_way_table.rows] == ["", "better", "", "better", "better", "better"]


def test_seeds_by_a_rule_have_the_differences_of_the_rule(make_trials: MakeTrials) -> None:
    trials = make_trials({cell: [("finished", value) for value in found] for cell, found in (("a", HIGH), ("b", LOW))})
    cells = [Cell("a", {}, (), "a"), Cell("b", {}, (), "b")]
    seeding = Seeding({"a": "", "b": ""}, "A rule.", {"b": SeenDifference(5, -18.6, -20.0, -17.2, -1)})
    unseen = Seeding({"a": "", "b": ""}, "A rule.")
    rows = [
        ablate("t", cells, trials, metric=METRIC, baseline="a", seeding=found).rows[1] for found in (seeding, unseen)
    ]
    seen, plain = (row.comparison for row in rows)
    assert seen is not None
    assert plain is not None
    assert (isnan(seen.p), isnan(plain.p), isnan(plain.difference.ci_low)) == (True, True, True)
    assert (seen.difference.ci_low, seen.difference.ci_high) == (-20.0, -17.2)
    assert [row.outcome for row in rows] == ["worse", ""]


def test_the_interval_is_a_choice(make_trials: MakeTrials) -> None:
    values = [87.0, 88.0, 89.0, 87.5, 88.5, 88.2, 87.8, 88.1, 87.9, 88.0]
    trials = make_trials({"a": [("finished", value) for value in values], "b": [("failed", nan), ("finished", 87.0)]})
    cells = [Cell("a", {}, (), "a"), Cell("b", {}, tuple(f"b-{seed}" for seed in range(10)), "b")]
    table = ablate("t", cells, trials, metric=METRIC, interval="bca")
    summary = table.rows[0].summary
    assert 87.0 <= summary.ci_low < 88.0 < summary.ci_high <= 89.0
    assert table.interval == "bca"


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 9])
def test_a_bootstrap_of_few_seeds_is_refused(make_trials: MakeTrials, num_seeds: int) -> None:
    trials = make_trials({"a": [("finished", 80.0 + seed) for seed in range(num_seeds)]})
    for keys in ((), tuple(f"a-{seed}" for seed in range(num_seeds))):
        with pytest.raises(ConfigError, match=f"needs at least 10 seeds of every cell, but got {num_seeds}"):
            ablate("t", [Cell("a", {}, keys, "a")], trials, metric=METRIC, interval="bca")


def test_a_bootstrap_names_the_rows_that_have_too_few_values(make_trials: MakeTrials) -> None:
    trials = make_trials({"a": [("failed", nan), *[("finished", 80.0 + seed) for seed in range(9)]]})
    text = table_md(ablate("t", [Cell("a", {}, (), "a")], trials, metric=METRIC, interval="bca"))
    assert "No bootstrap interval below 10 seeds: a (9)." in text
    assert "| 9 | 84.0 | - |" in text
