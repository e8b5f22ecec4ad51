from collections.abc import Sequence

import pytest

from ftlab.seeding.pairing import CellSeeds, Decision, compare
from ftlab.seeding.rule import SeedRule

RULE = SeedRule()
NOISE = (0.3, -0.2, 0.1, -0.3, 0.2, -0.1, 0.25, -0.25, 0.15, -0.15)


def seeds_of(values: Sequence[float], **fields: frozenset[int] | bool) -> CellSeeds:
    return CellSeeds(dict(enumerate(values)), **fields)  # type: ignore[arg-type]


def shifted(by: float, num_seeds: int, scale: float = 1.0) -> CellSeeds:
    return seeds_of([90 + by + scale * noise for noise in NOISE[:num_seeds]])


def constant(num_seeds: int) -> CellSeeds:
    return seeds_of([90.0] * num_seeds)


def collapsing(by: float, num_seeds: int, *lost: int) -> CellSeeds:
    values = shifted(by, num_seeds).values
    return CellSeeds({seed: value for seed, value in values.items() if seed not in lost}, frozenset(lost))


@pytest.mark.parametrize(("by", "decision"), [(-20.0, Decision.BELOW), (20.0, Decision.ABOVE)])
def test_cells_far_apart_are_told_apart_by_the_first_seeds(by: float, decision: Decision) -> None:
    assert compare(shifted(by, 5), constant(5), RULE, 1.0).decision is decision


def test_what_seeds_have_in_common_cancels() -> None:
    of_seed = [50.0, 90.0, 70.0, 60.0, 80.0]
    low = seeds_of([value + noise for value, noise in zip(of_seed, NOISE, strict=False)])
    high = seeds_of([value + 10 for value in of_seed])
    assert compare(low, high, RULE, 1.0).decision is Decision.BELOW


def test_more_cells_ask_for_more_seeds() -> None:
    assert compare(shifted(1.2, 5), constant(5), RULE, 1.0).decision is Decision.ABOVE
    found = compare(shifted(1.2, 5), constant(5), RULE, 0.001)
    assert (found.decision, found.next_seeds) == (Decision.OPEN, (5, 6, 7, 8, 9))
    assert found.seeds_needed in (2, 5)


def test_cells_are_compared_at_looks_alone() -> None:
    for num_seeds, look in ((4, None), (5, 5), (6, 5), (7, 7), (9, 7)):
        found = compare(shifted(0.6, num_seeds), constant(num_seeds), RULE, 0.001)
        assert (found.look.num_seeds if found.look else None) == look


def test_a_difference_that_is_surely_small_is_within() -> None:
    assert compare(shifted(0.05, 10, scale=0.2), constant(10), RULE, 1.0).decision is Decision.WITHIN


def test_equal_values_are_within_after_a_few_seeds_and_not_at_once() -> None:
    # A finite test set makes values equal by chance: no variance at all.
    assert compare(constant(5), constant(5), RULE, 0.01).decision is Decision.OPEN
    assert compare(constant(7), constant(7), RULE, 0.01).decision is Decision.WITHIN


def test_a_constant_difference_counts_as_much_as_a_finite_test_set_allows() -> None:
    assert compare(seeds_of([90.2] * 5), constant(5), RULE, 0.01).decision is Decision.OPEN
    assert compare(seeds_of([10.0] * 5), constant(5), RULE, 0.01).decision is Decision.BELOW


def test_what_a_look_has_decided_stays_decided() -> None:
    early = [100.0, 100.3, 99.8, 100.1, 99.9]
    decided = compare(seeds_of(early), constant(5), RULE, 1.0)
    assert decided.decision is Decision.ABOVE
    assert compare(seeds_of([*early, 40.0, 130.0, 20.0]), constant(8), RULE, 1.0) == decided


def test_a_difference_beyond_reach_is_unlikely_to_be_decided() -> None:
    assert compare(shifted(0.0, 5, scale=20.0), constant(5), RULE, 0.01).decision is Decision.UNLIKELY
    assert compare(shifted(0.0, 4, scale=20.0), constant(4), RULE, 0.01).decision is Decision.OPEN


def test_the_last_seed_leaves_open_cells_undecided() -> None:
    values = [91.0, 90.2, 91.5, 90.1, 91.3, 90.4, 91.4, 90.2, 91.1, 90.0]
    assert compare(seeds_of(values), constant(10), RULE, 0.001).decision is Decision.UNDECIDED
    more = seeds_of([*values, *[100.0] * 10])
    assert compare(more, constant(20), RULE, 0.001).decision is Decision.UNDECIDED


def test_seeds_count_up_to_the_first_that_is_not_there() -> None:
    gap = CellSeeds({0: 70.0, 1: 70.3, 2: 69.8, 4: 70.0}, pending=frozenset({3}))
    found = compare(gap, constant(5), RULE, 0.001)
    assert (found.decision, found.next_seeds) == (Decision.OPEN, (3, 5, 6, 7, 8, 9))
    whole = CellSeeds({**gap.values, 3: 70.1})
    assert compare(whole, constant(5), RULE, 0.001).decision is Decision.BELOW


def test_a_failed_seed_is_passed_over_in_both_cells() -> None:
    failed = CellSeeds({0: 70.0, 2: 70.3, 3: 69.8, 4: 70.1}, failed=frozenset({1}))
    assert compare(failed, constant(5), RULE, 1.0).decision is Decision.BELOW
    assert compare(constant(5), failed, RULE, 1.0).decision is Decision.ABOVE
    waiting = compare(failed, constant(1), RULE, 1.0)
    assert waiting.next_seeds == (2, 3, 4, 5, 6, 7, 8, 9)


@pytest.mark.parametrize("lost", [(1,), (1, 6), (0, 3, 8)])
def test_a_collapsed_seed_is_no_difference(lost: tuple[int, ...]) -> None:
    found = compare(collapsing(-5.0, 10, *lost), constant(10), RULE, 0.1)
    assert found.decision is Decision.BELOW
    assert found.look is not None
    assert found.look.mean == pytest.approx(-5.0, abs=0.3)
    healthy = compare(collapsing(0.05, 10, *lost), constant(10), RULE, 0.1)
    assert healthy.decision is not Decision.BELOW


@pytest.mark.parametrize(
    ("num_seeds", "lost", "decision"),
    [
        (5, (0, 1, 2, 3, 4), Decision.FEW),
        (5, (0, 1, 2, 3), Decision.FEW),
        (5, (0, 1, 2), Decision.OPEN),
        (7, (0, 1, 2, 5, 6), Decision.FEW),
        (10, (0, 1, 2, 5, 6, 7, 8), Decision.FEW),
    ],
)
def test_a_cell_that_collapses_too_often_gets_no_more(
    num_seeds: int, lost: tuple[int, ...], decision: Decision
) -> None:
    assert compare(collapsing(0.0, num_seeds, *lost), constant(num_seeds), RULE, 0.1).decision is decision
    assert compare(constant(num_seeds), collapsing(0.0, num_seeds, *lost), RULE, 0.1).decision is decision


def test_a_pair_without_common_seeds_is_open() -> None:
    found = compare(CellSeeds(), constant(5), RULE, 1.0)
    assert (found.decision, found.look, found.seeds_needed) == (Decision.OPEN, None, 5)


def test_a_diverged_cell_is_judged_by_what_there_is_and_gets_no_more() -> None:
    diverged = seeds_of([70.0, 70.3, 69.8, 70.1], diverged=True, failed=frozenset({4}))
    assert compare(diverged, constant(5), RULE, 1.0).decision is Decision.BELOW
    close = seeds_of([90.5, 89.0, 91.0, 89.5], diverged=True, failed=frozenset({4}))
    assert compare(close, constant(5), RULE, 1.0).decision is Decision.BLOCKED
    assert compare(constant(5), close, RULE, 1.0).decision is Decision.BLOCKED


def test_a_cell_whose_first_seeds_all_failed_gets_no_more() -> None:
    broken = CellSeeds(failed=frozenset(range(5)))
    assert compare(broken, constant(5), RULE, 1.0).decision is Decision.BLOCKED
    assert CellSeeds(failed=frozenset({0, 1})).gets_no_more(RULE) is False
    assert CellSeeds(collapsed=frozenset(range(5))).gets_no_more(RULE) is False
