"""Trials that SEEDS=auto spends on the momentum table, against SEEDS=10 for every cell, on simulated seeds.

Means and deviations are those of the digits profile's table in the README (three trained seeds a cell); every round
draws ten seeds of each cell from normal distributions, and gives the same seeds to both. Rounds are decided alike when
the same cells are told from the baseline, in the same direction.
"""

import argparse
import statistics
from math import sqrt

import numpy as np
from _harness import report

from ftlab.seeding.allocation import Allocation, allocate
from ftlab.seeding.pairing import CellSeeds, Decision
from ftlab.seeding.rule import SeedRule

# Mean and half of the 95% interval over three seeds.
CELLS = {
    "0.0": (66.5, 9.95),
    "0.5": (69.0, 18.2),
    "0.6": (69.8, 12.2),
    "0.7": (69.7, 11.2),
    "0.8": (73.8, 9.25),
    "0.9": (70.1, 18.25),
    "0.99": (90.3, 0.55),
    "0.999": (90.2, 0.85),
    "1.0": (89.5, 2.05),
}
STUDENT_QUANTILE = 4.303
BASELINE = "0.99"
NUM_SEEDS = 10


def main() -> None:
    """Run both allocations on the same draws; the figure is the ratio of trials, auto / ten of every cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    generator = np.random.default_rng(0)
    spent, alike, seeds_by_cell = [], 0, dict.fromkeys(CELLS, 0)
    for _ in range(rounds):
        table = draw(generator)
        auto, seeds = run(table, SeedRule())
        fixed, _ = run(table, SeedRule(looks=(NUM_SEEDS,)))
        spent.append(sum(seeds.values()))
        alike += told_apart(auto) == told_apart(fixed)
        seeds_by_cell = {cell: total + seeds[cell] for cell, total in seeds_by_cell.items()}
    num_fixed = NUM_SEEDS * len(CELLS)
    details = {
        "rounds": rounds,
        "trials, SEEDS=auto (mean)": round(statistics.mean(spent), 1),
        f"trials, SEEDS={NUM_SEEDS}": num_fixed,
        "rounds decided alike": alike / rounds,
        "seeds a cell (mean)": {cell: round(total / rounds, 1) for cell, total in seeds_by_cell.items()},
    }
    report("auto_seeds", [trials / num_fixed for trials in spent], "ratio", details)


def draw(generator: np.random.Generator) -> dict[str, list[float]]:
    """Return an accuracy by seed for every cell."""
    return {
        cell: generator.normal(mean, half_width * sqrt(3) / STUDENT_QUANTILE, NUM_SEEDS).tolist()
        for cell, (mean, half_width) in CELLS.items()
    }


def run(table: dict[str, list[float]], rule: SeedRule) -> tuple[Allocation, dict[str, int]]:
    """Give seeds by the rule until it asks for none; return its answer and the number of seeds of each cell."""
    values = {cell: dict(enumerate(of_cell[: rule.first_seeds])) for cell, of_cell in table.items()}
    while True:
        cells = {cell: CellSeeds(of_cell) for cell, of_cell in values.items()}
        found = allocate(cells, dict.fromkeys(cells, BASELINE), rule, float("inf"))
        if not found.batch:
            return found, {cell: len(of_cell) for cell, of_cell in values.items()}
        for cell, seed in found.batch:
            values[cell][seed] = table[cell][seed]


def told_apart(found: Allocation) -> dict[str, str]:
    """Return which cells differ from the baseline, and how."""
    verdicts = {
        cell: standing.against_baseline.decision
        for cell, standing in found.standings.items()
        if standing.against_baseline
    }
    return {cell: verdict for cell, verdict in verdicts.items() if verdict in (Decision.ABOVE, Decision.BELOW)}


if __name__ == "__main__":
    main()
