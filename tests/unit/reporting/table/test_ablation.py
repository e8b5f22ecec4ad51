from collections.abc import Callable
from dataclasses import FrozenInstanceError
from math import isnan, nan

import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.reporting.table.ablation import AblationRow, AblationTable, Cell, Seeding, ablate
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


def test_collapse_counts_in_the_mean_and_is_told(momentum_table: AblationTable) -> None:
    row = row_of(momentum_table, 0.5)
    assert (row.summary.n, row.summary.mean, row.n_collapsed) == (2, 64.0, 1)


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


def test_the_best_and_the_second_best(momentum_table: AblationTable) -> None:
    assert [row.rank for row in momentum_table.rows] == [None, None, 1, None, 2]


def test_ties_share_a_rank(make_trials: MakeTrials) -> None:
    values = {"a": [88.1, 87.3, 91.7], "b": [91.7, 88.1, 87.3], "c": [80.0], "d": [80.0], "e": [70.0]}
    trials = make_trials({cell: [("finished", value) for value in found] for cell, found in values.items()})
    table = ablate("t", [Cell(name, {}, (), name) for name in values], trials, metric=METRIC)
    assert [row.rank for row in table.rows] == [1, 1, 2, 2, None]


@pytest.mark.parametrize("values", [{"a": 88.0}, {"a": 88.0, "b": 88.0}])
def test_without_a_difference_nothing_is_best(make_trials: MakeTrials, values: dict[str, float]) -> None:
    trials = make_trials({cell: [("finished", value)] for cell, value in values.items()})
    table = ablate("t", [Cell(name, {}, (), name) for name in values], trials, metric=METRIC)
    assert {row.rank for row in table.rows} == {None}


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


def test_collapsed_trials_are_compared(momentum_table: AblationTable) -> None:
    found = row_of(momentum_table, 0.5).comparison
    assert found is not None
    assert (found.difference.n, found.difference.mean) == (2, -23.5)


def test_without_a_baseline_nothing_is_compared(empty_table: AblationTable) -> None:
    assert {row.comparison for row in empty_table.rows} == {None}


def test_p_values_are_corrected_over_the_table(two_way_table: AblationTable) -> None:
    found = [row.comparison for row in two_way_table.rows if row.comparison]
    assert [comparison.p for comparison in found] == pytest.approx(
        [0.0091, 0.2254, nan, 0.0225, 0.0106], abs=5e-5, nan_ok=True
    )
    assert [comparison.p_holm for comparison in found] == pytest.approx(
        [0.0365, 0.2254, nan, 0.0450, 0.0365], abs=2e-4, nan_ok=True
    )


def test_seeds_by_a_rule_are_not_tested(make_trials: MakeTrials) -> None:
    trials = make_trials(
        {cell: [("finished", value + shift) for value in (1.0, 2.0, 4.0)] for cell, shift in (("a", 0.0), ("b", 5.0))}
    )
    trials.loc[3, METRIC] = 7.0
    cells = [Cell("a", {}, (), "a"), Cell("b", {}, (), "b")]
    tables = [
        ablate("t", cells, trials, metric=METRIC, baseline="a", seeding=seeding)
        for seeding in (None, Seeding({"a": "", "b": ""}, "A rule."))
    ]
    plain, seeded = (table.rows[1].comparison for table in tables)
    assert plain is not None
    assert seeded is not None
    assert (isnan(plain.p), isnan(seeded.p)) == (False, True)
    assert plain.difference == seeded.difference


def test_the_interval_is_a_choice(momentum_cells: list[Cell], momentum_trials: pd.DataFrame) -> None:
    table = ablate("t", momentum_cells, momentum_trials, metric=METRIC, interval="bca")
    summary = row_of(table, 0.99).summary
    assert 87.0 <= summary.ci_low < 88.0 < summary.ci_high <= 89.0
    assert table.interval == "bca"
    assert "Bootstrap intervals of fewer than 10 seeds are too narrow." in table_md(table)
