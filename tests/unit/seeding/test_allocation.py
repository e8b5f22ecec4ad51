from collections.abc import Callable
from math import inf

import numpy as np
import pytest

from ftlab.seeding.allocation import Allocation, allocate
from ftlab.seeding.pairing import CellSeeds, Decision
from ftlab.seeding.rule import SeedRule

Simulate = Callable[..., tuple[Allocation, int]]
NormalTable = Callable[..., "np.ndarray"]

RULE = SeedRule()
HIGH = CellSeeds({0: 90.0, 1: 90.2, 2: 89.9, 3: 90.1, 4: 90.0})
NEAR = CellSeeds({0: 89.9, 1: 89.1, 2: 89.6, 3: 89.2, 4: 89.9})
LOW = CellSeeds({0: 20.0, 1: 20.1, 2: 20.3, 3: 20.2, 4: 20.0})
NEXT_OF_NEAR = (("near", 5), ("high", 5))


def allocated(
    cells: dict[str, CellSeeds], trials_left: float = inf, baselines: dict[str, str] | None = None
) -> Allocation:
    return allocate(cells, baselines or dict.fromkeys(cells, "high"), RULE, trials_left)


def decision(found: Allocation, cell: str) -> Decision | None:
    comparison = found.standings[cell].against_baseline
    return comparison.decision if comparison else None


def test_seeds_go_to_the_open_cell_and_to_its_baseline() -> None:
    found = allocated({"high": HIGH, "near": NEAR, "low": LOW})
    assert found.batch == NEXT_OF_NEAR
    assert not found.is_settled
    assert [decision(found, cell) for cell in ("high", "near", "low")] == [None, Decision.OPEN, Decision.BELOW]
    assert [standing.is_baseline for standing in found.standings.values()] == [True, False, False]


def test_each_group_has_its_own_baseline() -> None:
    cells = {"high": HIGH, "near": NEAR, "low": LOW, "lower": LOW}
    found = allocated(cells, baselines={"high": "high", "near": "high", "low": "low", "lower": "low"})
    assert [decision(found, cell) for cell in cells] == [None, Decision.OPEN, None, Decision.WITHIN]
    assert found.batch == NEXT_OF_NEAR


def test_the_error_rate_is_shared_by_the_cells_of_a_baseline_alone() -> None:
    alone = allocated({"high": HIGH, "near": NEAR})
    grouped = allocated(
        {"high": HIGH, "near": NEAR, "low": LOW, "lower": LOW},
        baselines={"high": "high", "near": "high", "low": "low", "lower": "low"},
    )
    assert grouped.standings["near"] == alone.standings["near"]
    assert allocated({"high": HIGH, "near": NEAR, "low": LOW}).standings["near"] != alone.standings["near"]


@pytest.mark.parametrize("cells", [{}, {"high": HIGH}, {"high": HIGH, "low": LOW}])
def test_a_table_without_open_cells_asks_for_nothing(cells: dict[str, CellSeeds]) -> None:
    found = allocated(cells)
    assert (found.batch, found.is_settled) == ((), True)


def test_what_is_on_its_way_is_not_asked_for_again() -> None:
    near = CellSeeds(NEAR.values, pending=frozenset({5}))
    assert allocated({"high": HIGH, "near": near}).batch == (("high", 5),)


def test_a_free_worker_begins_the_seeds_up_to_the_next_look_and_one_more() -> None:
    def batch(*pending: int) -> tuple[tuple[str, int], ...]:
        seeds = frozenset(pending)
        return allocated(
            {name: CellSeeds(cell.values, pending=seeds) for name, cell in (("high", HIGH), ("near", NEAR))}
        ).batch

    assert batch(5) == (("near", 6), ("high", 6))
    assert batch(5, 6) == (("near", 7), ("high", 7))
    assert batch(5, 6, 7) == ()


def test_what_seems_decidable_comes_before_what_does_not() -> None:
    values = {0: 89.5, 1: 91.0, 2: 89.0, 3: 90.8, 4: 89.6}
    cells = {"high": HIGH, "noisy": CellSeeds(values), "near": NEAR}
    assert allocated(cells).batch == NEXT_OF_NEAR


@pytest.mark.parametrize(("trials_left", "batch"), [(0, ()), (1, ()), (2, NEXT_OF_NEAR), (3, NEXT_OF_NEAR)])
def test_a_cell_gets_its_seed_with_its_baseline_or_not(trials_left: int, batch: tuple[tuple[str, int], ...]) -> None:
    found = allocated({"high": HIGH, "near": NEAR}, trials_left)
    assert found.batch == batch
    assert not found.is_settled


def test_half_a_pair_is_begun_where_the_other_half_is_there() -> None:
    high = CellSeeds({**HIGH.values, 5: 90.1, 6: 90.0})
    assert allocated({"high": high, "near": NEAR}, 1).batch == (("near", 5),)


def test_a_diverged_cell_gets_no_seed() -> None:
    diverged = CellSeeds({0: 88.0, 1: 91.0}, failed=frozenset({2}), diverged=True)
    found = allocated({"high": HIGH, "diverged": diverged, "near": NEAR})
    assert found.standings["diverged"].gets_no_more
    assert found.batch == NEXT_OF_NEAR


def test_a_cell_without_values_does_not_eat_the_budget() -> None:
    found = allocated({"broken": CellSeeds(failed=frozenset(range(5))), "high": HIGH})
    assert (found.batch, found.is_settled) == ((), True)


def test_ties_are_settled_within_the_seeds_of_a_cell(simulate: Simulate) -> None:
    found, num_trials = simulate(np.full((10, 4), 50.0), RULE)
    assert {
        standing.against_baseline.decision for standing in found.standings.values() if standing.against_baseline
    } == {Decision.WITHIN}
    assert num_trials < 40


def false_statements(found: Allocation, means: "np.ndarray") -> int:
    """Count what is said of a cell and is not so."""
    count = 0
    for cell, standing in enumerate(found.standings.values()):
        difference = means[cell] - means[0]
        truths = {
            Decision.ABOVE: difference > 0,
            Decision.BELOW: difference < 0,
            Decision.WITHIN: abs(difference) < RULE.min_difference,
        }
        comparison = standing.against_baseline
        count += comparison is not None and not truths.get(comparison.decision, True)
    return count


@pytest.mark.parametrize("spacing", [0.0, 0.5], ids=["all cells equal", "at the edge of the zone"])
@pytest.mark.parametrize("deviation", [0.3, 2.0])
@pytest.mark.slow
def test_tables_with_a_false_statement_are_as_rare_as_stated(
    simulate: Simulate, normal_table: NormalTable, spacing: float, deviation: float
) -> None:
    rule = SeedRule(error_rate=0.2)
    means = 90 + spacing * np.arange(4)
    generator = np.random.default_rng(0)
    tables = [simulate(normal_table(generator, means, [deviation] * 4), rule)[0] for _ in range(250)]
    false = sum(false_statements(found, means) > 0 for found in tables)
    assert false / len(tables) <= rule.error_rate


def told_apart(found: Allocation) -> list[str]:
    """Return by cell what is said of it against the baseline, as far as they differ."""
    verdicts = [
        standing.against_baseline.decision for standing in found.standings.values() if standing.against_baseline
    ]
    return [str(decision) if decision in (Decision.ABOVE, Decision.BELOW) else "equal" for decision in verdicts]


def test_real_differences_are_found_with_fewer_trials_than_ten_seeds_of_every_cell(
    simulate: Simulate, normal_table: NormalTable
) -> None:
    means = [90, 70, 72, 65, 80, 90, 95]
    deviations = [0.5, 4, 5, 3, 2, 0.4, 0.6]
    generator = np.random.default_rng(0)
    spent = []
    for _ in range(50):
        values = normal_table(generator, means, deviations)
        found, num_trials = simulate(values, RULE)
        fixed, num_fixed = simulate(values, SeedRule(looks=(10,)))
        assert told_apart(found) == told_apart(fixed) == ["below"] * 4 + ["equal", "above"]
        assert num_fixed == 70
        spent.append(num_trials)
    assert max(spent) < 70
    assert np.mean(spent) < 50


def test_a_budget_is_kept(simulate: Simulate, normal_table: NormalTable) -> None:
    values = normal_table(np.random.default_rng(0), [90, 86, 94, 87], [2, 2, 2, 2])
    found, num_trials = simulate(values, RULE, max_trials=22)
    assert num_trials in (21, 22)
    assert not found.is_settled
