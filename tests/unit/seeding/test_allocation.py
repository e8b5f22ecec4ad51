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
HIGH = CellSeeds({0: 90.0, 1: 90.2, 2: 89.9})
NEAR = CellSeeds({0: 88.0, 1: 89.2, 2: 88.4})
LOW = CellSeeds({0: 20.0, 1: 20.1, 2: 20.3})
NEXT_OF_NEAR = (("near", 3), ("high", 3))


def test_seeds_go_to_the_open_cell_and_to_what_it_is_compared_with() -> None:
    found = allocate({"high": HIGH, "near": NEAR, "low": LOW}, None, RULE, inf)
    assert found.best == "high"
    assert found.batch == NEXT_OF_NEAR
    assert not found.is_settled
    low, near, high = (found.standings[name] for name in ("low", "near", "high"))
    assert low.against_best is not None
    assert low.against_best.decision is Decision.BELOW
    assert near.against_best is not None
    assert near.against_best.decision is Decision.OPEN
    assert (high.is_best, high.against_best, near.against_baseline) == (True, None, None)


def test_the_baseline_counts_once_where_it_is_the_best() -> None:
    found = allocate({"high": HIGH, "near": NEAR}, "high", RULE, inf)
    assert found.standings["near"].against_best is None
    assert found.batch == NEXT_OF_NEAR


def test_a_cell_is_compared_with_the_baseline_and_with_the_best() -> None:
    found = allocate({"high": HIGH, "near": NEAR, "low": LOW}, "low", RULE, inf)
    near = found.standings["near"]
    assert [comparison.decision for comparison in near.comparisons] == [Decision.ABOVE, Decision.OPEN]
    assert found.standings["low"].against_best is not None


def test_a_cell_that_is_below_any_other_is_below_the_best() -> None:
    # What the best had in its few seeds does not tell yet, but the second best does.
    best = CellSeeds({0: 92.0, 1: 99.0, 2: 91.0}, pending=frozenset({3}))
    low = CellSeeds({0: 89.0, 1: 89.1, 2: 89.0, 3: 89.1, 4: 89.1})
    second = CellSeeds({seed: value + 2.5 for seed, value in low.values.items()})
    found = allocate({"best": best, "second": second, "low": low}, None, RULE, inf)
    assert found.best == "best"
    alone = allocate({"best": best, "low": low, "third": LOW}, None, RULE, inf)
    for table, decision in ((found, Decision.BELOW), (alone, Decision.OPEN)):
        comparison = table.standings["low"].against_best
        assert comparison is not None
        assert comparison.decision is decision


@pytest.mark.parametrize("cells", [{}, {"only": HIGH}, {"high": HIGH, "low": LOW}])
def test_a_table_without_open_pairs_asks_for_nothing(cells: dict[str, CellSeeds]) -> None:
    found = allocate(cells, None, RULE, inf)
    assert (found.batch, found.is_settled) == ((), True)


def test_what_is_on_its_way_is_not_asked_for_again() -> None:
    near = CellSeeds(NEAR.values, pending=frozenset({3}))
    assert allocate({"high": HIGH, "near": near}, None, RULE, inf).batch == (("high", 3),)


def test_a_free_worker_begins_one_seed_ahead_and_no_more() -> None:
    def batch(*pending: int) -> tuple[tuple[str, int], ...]:
        cells = {
            name: CellSeeds(cell.values, pending=frozenset(pending)) for name, cell in (("high", HIGH), ("near", NEAR))
        }
        return allocate(cells, None, RULE, inf).batch

    assert batch(3) == (("near", 4), ("high", 4))
    assert batch(3, 4) == ()


def test_what_seems_decidable_comes_before_what_does_not() -> None:
    values = {0: 89.5, 1: 91.0, 2: 89.0}
    cells = {"high": HIGH, "noisy": CellSeeds(values), "near": NEAR}
    assert allocate(cells, None, RULE, inf).batch == NEXT_OF_NEAR
    pending = frozenset({3})
    waiting = {
        "high": CellSeeds(HIGH.values, pending=pending),
        "noisy": CellSeeds(values),
        "near": CellSeeds(NEAR.values, pending=pending),
    }
    assert allocate(waiting, None, RULE, inf).batch == (("noisy", 3),)


@pytest.mark.parametrize(("trials_left", "batch"), [(0, ()), (1, ()), (2, NEXT_OF_NEAR), (3, NEXT_OF_NEAR)])
def test_a_pair_gets_its_seed_in_both_cells_or_in_none(trials_left: int, batch: tuple[tuple[str, int], ...]) -> None:
    found = allocate({"high": HIGH, "near": NEAR}, None, RULE, trials_left)
    assert found.batch == batch
    assert not found.is_settled


def test_half_a_pair_is_begun_where_the_other_half_is_there() -> None:
    high = CellSeeds({**HIGH.values, 3: 90.1, 4: 90.0})
    assert allocate({"high": high, "near": NEAR}, None, RULE, 1).batch == (("near", 3),)


def test_a_diverged_cell_gets_no_seed_and_is_no_best() -> None:
    diverged = CellSeeds({0: 95.0, 1: 96.0}, failed=frozenset({2}), diverged=True)
    found = allocate({"diverged": diverged, "high": HIGH, "near": NEAR}, None, RULE, inf)
    assert found.best == "high"
    assert found.standings["diverged"].gets_no_more
    assert found.batch == NEXT_OF_NEAR


def test_a_cell_without_values_does_not_eat_the_budget() -> None:
    broken = CellSeeds(failed=frozenset({0, 1, 2}))
    found = allocate({"broken": broken, "high": HIGH}, "high", RULE, inf)
    assert (found.batch, found.is_settled) == ((), True)
    assert allocate({"broken": broken}, None, RULE, inf).best is None


def test_a_mean_of_fewer_seeds_is_no_rank_yet() -> None:
    early = CellSeeds({0: 99.0}, pending=frozenset({1, 2}))
    assert allocate({"early": early, "high": HIGH}, None, RULE, inf).best == "high"
    assert allocate({"early": early}, None, RULE, inf).best == "early"


def test_ties_are_settled_within_the_seeds_of_a_cell(simulate: Simulate) -> None:
    found, num_trials = simulate(np.full((10, 4), 50.0), RULE)
    assert {
        standing.against_baseline.decision for standing in found.standings.values() if standing.against_baseline
    } == {Decision.WITHIN}
    assert num_trials < 40


def false_statements(found: Allocation, means: "np.ndarray") -> int:
    """Count what is said of a cell and is not so."""
    references = {"against_baseline": 0, "against_best": int(found.best or 0)}
    count = 0
    for cell, standing in enumerate(found.standings.values()):
        for place, reference in references.items():
            comparison = getattr(standing, place)
            difference = means[cell] - means[reference]
            truths = {
                Decision.ABOVE: difference > 0,
                Decision.BELOW: difference < 0,
                Decision.WITHIN: abs(difference) < RULE.min_difference,
            }
            count += comparison is not None and not truths.get(comparison.decision, True)
    return count


@pytest.mark.parametrize("spacing", [0.0, 0.5], ids=["all cells equal", "at the edge of the zone"])
@pytest.mark.parametrize("deviation", [0.3, 2.0])
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
        fixed, num_fixed = simulate(values, SeedRule(first_seeds=10))
        assert told_apart(found) == told_apart(fixed) == ["below"] * 4 + ["equal", "above"]
        assert num_fixed == 70
        spent.append(num_trials)
    assert max(spent) < 70
    assert np.mean(spent) < 50


def test_a_budget_is_kept(simulate: Simulate, normal_table: NormalTable) -> None:
    values = normal_table(np.random.default_rng(0), [90, 89, 91, 90], [2, 2, 2, 2])
    found, num_trials = simulate(values, RULE, max_trials=17)
    assert num_trials in (16, 17)
    assert not found.is_settled
