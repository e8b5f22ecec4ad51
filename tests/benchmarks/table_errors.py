"""Errors and power of a table's decisions, on simulated tables that the product itself judges.

A table has a baseline and other cells, paired by seed: what a seed does to all cells alike has half of the variance.
In tables without a true difference, and among the equal cells of tables in which every second cell is two points
better, a decision for one cell is false; the figure is the worst share of tables with any, over all scenarios, for 3,
5, 7 and 10 seeds and for SEEDS=auto. A decision is one about the mean of healthy seeds, since that is what is tested.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from _harness import report
from numpy.typing import NDArray

from ftlab.reporting.inference.collapse import told_apart
from ftlab.reporting.inference.paired_t import PERCENT
from ftlab.reporting.table.comparison import compare_rows
from ftlab.seeding.allocation import allocate
from ftlab.seeding.pairing import CellSeeds, Decision
from ftlab.seeding.rule import SeedRule

SEEDS = (3, 5, 7, 10)
RULE = SeedRule()
GAIN = 2.0
LOSS = 20.0
# Standard deviations of the digits momentum table, the baseline 0.99 first.
OURS = (0.2, 4.0, 7.3, 4.9, 4.5, 3.7, 7.3, 0.3, 0.8)


@dataclass(frozen=True)
class Scenario:
    """A kind of table.

    Attributes:
        deviations: Standard deviation of the healthy seeds of each cell, in points; the baseline comes first.
        collapse: Probability that a seed of a cell collapses, cell by cell.
    """

    deviations: tuple[float, ...]
    collapse: tuple[float, ...]


def scenarios() -> dict[str, Scenario]:
    """Return the kinds of tables by name."""
    equal = {cells: (1.0,) * cells for cells in (2, 5, 9)}
    healthy = {cells: (0.0,) * cells for cells in (2, 5, 9)}
    kinds = {f"equal deviations, {cells} cells": Scenario(equal[cells], healthy[cells]) for cells in (2, 5, 9)}
    kinds["deviations of our momentum table"] = Scenario(OURS, healthy[9])
    kinds["noisy baseline"] = Scenario((4.0,) + (1.0,) * 8, healthy[9])
    kinds["two noisy cells"] = Scenario((1.0,) * 7 + (5.0,) * 2, healthy[9])
    kinds["deviations below the floor"] = Scenario((0.02,) * 9, healthy[9])
    kinds["every cell collapses, 0.3, 5 cells"] = Scenario(equal[5], (0.3,) * 5)
    kinds["every cell collapses, 0.3, 9 cells"] = Scenario(equal[9], (0.3,) * 9)
    kinds["the baseline alone collapses, 0.3"] = Scenario(equal[9], (0.3,) + (0.0,) * 8)
    for rate in (0.3, 0.15, 0.05):
        kinds[f"4 of 8 cells collapse, {rate}"] = Scenario(equal[9], (0.0,) * 5 + (rate,) * 4)
    return kinds


def main() -> None:
    """Judge tables of every scenario; the figure is the worst share of tables with a false decision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=2_000)
    num_tables = parser.parse_args().tables
    details: dict[str, object] = {"tables of each kind": num_tables}
    worst = 0.0
    for place, (name, scenario) in enumerate(scenarios().items()):
        for judge_name, judge in judges():
            error, power = rates(scenario, judge, np.random.default_rng(place), num_tables)
            worst = max(worst, error)
            details[f"{name}, {judge_name}"] = f"error {error:.3f}, power at {GAIN:g} points {power:.2f}"
    report("table_errors", [worst], "worst share of tables with a false decision", details)


Judge = Callable[[Mapping[int, CellSeeds]], list[int]]


def judges() -> Iterator[tuple[str, Judge]]:
    """Yield the ways to make a table by name: the decision on each cell but the baseline, 1, -1 or 0."""
    for num_seeds in SEEDS:
        yield f"SEEDS={num_seeds}", partial(fixed, num_seeds=num_seeds)
    yield "SEEDS=auto", by_rule


def rates(scenario: Scenario, judge: Judge, generator: np.random.Generator, num_tables: int) -> tuple[float, float]:
    """Return the worse of two shares of tables with a false decision, and the share of differences that are found."""
    better = np.arange(len(scenario.deviations)) % 2 * GAIN
    false, found = [0, 0], 0
    for _ in range(num_tables):
        noise, collapsed = draw(scenario, generator)
        nothing = judge(cells_of(noise, collapsed))
        mixed = judge(cells_of(noise + better, collapsed))
        false[0] += any(nothing)
        false[1] += any(
            decision if gain == 0.0 else decision < 0 for decision, gain in zip(mixed, better[1:], strict=True)
        )
        found += sum(decision > 0 for decision, gain in zip(mixed, better[1:], strict=True) if gain)
    return max(false) / num_tables, found / (num_tables * np.count_nonzero(better))


def draw(scenario: Scenario, generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values and the collapses of a table, by seed and cell."""
    shape = (RULE.max_seeds, len(scenario.deviations))
    shared = generator.normal(0.0, np.sqrt(0.5), (shape[0], 1))
    own = generator.normal(0.0, np.sqrt(0.5), shape)
    collapsed = generator.random(shape) < np.array(scenario.collapse)
    return 80.0 + (shared + own) * np.array(scenario.deviations) - LOSS * collapsed, collapsed


def cells_of(values: NDArray[np.float64], collapsed: NDArray[np.bool_]) -> dict[int, CellSeeds]:
    """Return the ten seeds of each cell."""
    return {
        cell: CellSeeds(
            {seed: value for seed, value in enumerate(column) if not lost[seed]},
            frozenset(seed for seed in range(len(column)) if lost[seed]),
        )
        for cell, (column, lost) in enumerate(zip(values.T.tolist(), collapsed.T.tolist(), strict=True))
    }


def first(cell: CellSeeds, num_seeds: int) -> CellSeeds:
    """Return a cell with its first seeds."""
    values = {seed: value for seed, value in cell.values.items() if seed < num_seeds}
    return CellSeeds(values, frozenset(seed for seed in cell.collapsed if seed < num_seeds))


def fixed(cells: Mapping[int, CellSeeds], num_seeds: int) -> list[int]:
    """Return the decisions of a table with the same seeds for every cell."""
    baseline, *rows = (first(cell, num_seeds).values for cell in cells.values())
    return [told_apart(found.p, found.difference.mean) for found in compare_rows(rows, baseline, PERCENT)]


def by_rule(cells: Mapping[int, CellSeeds]) -> list[int]:
    """Return the decisions of SEEDS=auto; open cells get the seeds up to the next look, and the baseline with them."""
    names = {cell: str(cell) for cell in cells}
    num_seeds = dict.fromkeys(cells, RULE.first_seeds)
    baselines = dict.fromkeys(names.values(), names[0])
    for look in (*RULE.looks[1:], RULE.max_seeds):
        now = {names[cell]: first(cells[cell], number) for cell, number in num_seeds.items()}
        found = [standing.against_baseline for standing in allocate(now, baselines, RULE, np.inf).standings.values()]
        is_open = [comparison is not None and comparison.decision is Decision.OPEN for comparison in found]
        num_seeds = {
            cell: look if is_open[cell] or (cell == 0 and any(is_open)) else number
            for cell, number in num_seeds.items()
        }
    return [comparison.decision.direction for comparison in found if comparison is not None]


if __name__ == "__main__":
    main()
