from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import resolve_trial
from ftlab.seeding.allocation import Allocation, allocate
from ftlab.seeding.pairing import CellSeeds
from ftlab.seeding.rule import SeedRule
from ftlab.study.cells import CellSpec
from ftlab.study.spec import make_trial
from ftlab.tracking.records import trials_frame

RecordTrials = Callable[..., pd.DataFrame]
Simulate = Callable[..., tuple[Allocation, int]]


@pytest.fixture
def simulate() -> Simulate:
    """Run the rule to its end: `simulate(values, rule, baseline, max_trials)` with values by seed (rows) and cell."""

    def run(
        values: "np.ndarray", rule: SeedRule, baseline: str = "0", max_trials: int = 10**6
    ) -> tuple[Allocation, int]:
        seeds: dict[str, dict[int, float]] = {
            str(cell): {seed: float(values[seed, cell]) for seed in range(rule.first_seeds)}
            for cell in range(values.shape[1])
        }
        while True:
            num_trials = sum(map(len, seeds.values()))
            cells = {cell: CellSeeds(of_cell) for cell, of_cell in seeds.items()}
            found = allocate(cells, dict.fromkeys(cells, baseline), rule, max_trials - num_trials)
            if not found.batch:
                return found, num_trials
            for cell, seed in found.batch:
                assert seed not in seeds[cell]
                seeds[cell][seed] = float(values[seed, int(cell)])

    return run


@pytest.fixture
def normal_table() -> Callable[..., "np.ndarray"]:
    """Draw values by seed and cell; what a seed does to all cells alike cancels in differences."""

    def draw(generator: np.random.Generator, means: Sequence[float], deviations: Sequence[float]) -> "np.ndarray":
        of_seed = generator.normal(0, 3, (10, 1))
        return of_seed + generator.normal(means, deviations, (10, len(means)))

    return draw


@pytest.fixture
def record_trials(profile: ProfileConfig) -> RecordTrials:
    """Trials as the tracker returns them, from (status, value, reason) by cell and seed.

    Cells are points of a grid over the key momentum, and are named as such.
    """

    def row(cell: str, seed: int, status: str, value: float, reason: str = "") -> dict[str, object]:
        settings = {"method.key_momentum": float(cell.partition("=")[2])}
        trial = make_trial(CellSpec(cell, settings, resolve_trial(profile, settings)), seed, "data")
        return {
            "trial_key": trial.key,
            "cell_key": trial.cell_key,
            "seed": seed,
            "status": status,
            "reason": reason,
            "experiment": "exp",
            "study": "exp/tiny",
            "name": trial.name,
            "run_id": f"run {trial.name}",
            "probe/few_shot_top1": value,
        }

    def record(outcomes: dict[tuple[str, int], tuple[object, ...]]) -> pd.DataFrame:
        return trials_frame([row(cell, seed, *outcome) for (cell, seed), outcome in outcomes.items()])  # type: ignore[arg-type]

    return record
