from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import nan
from pathlib import Path

import pandas as pd
import pytest

from ftlab.config.loading import load_experiment
from ftlab.reporting.figures.histories import SCORES, SEEN_SCORES, Histories
from ftlab.reporting.table.ablation import AblationTable, Cell, Seeding, ablate
from ftlab.reporting.table.baselines import find_group_baselines
from ftlab.reporting.table.published import PublishedSeries, load_published

METRIC = "probe/few_shot_top1"
COLUMNS = ["trial_key", "cell_key", "seed", "status", "reason", "experiment", "study", "name", "run_id"]
PUBLISHED = Path(__file__).parents[3] / "experiments" / "published"

Outcomes = dict[str, list[tuple[str, float]]]


@pytest.fixture
def published_folder() -> Path:
    return PUBLISHED


@pytest.fixture
def momentum_series() -> PublishedSeries:
    return load_published(PUBLISHED / "momentum.csv")


@pytest.fixture(scope="session")
def make_trials() -> Callable[[Outcomes], pd.DataFrame]:
    """Trials as the tracker returns them, from (status, value) by cell key; seeds count from 0."""

    def make(outcomes: Outcomes) -> pd.DataFrame:
        rows = [
            {
                "trial_key": f"{cell}-{seed}",
                "cell_key": cell,
                "seed": seed,
                "status": status,
                "reason": "",
                "experiment": "e",
                "study": "e/s",
                "name": f"{cell} seed {seed}",
                "run_id": f"run-{cell}-{seed}",
                METRIC: value,
                "knn/top1": value / 3,
                "train/epoch_seconds": 1.5,
            }
            for cell, trials in outcomes.items()
            for seed, (status, value) in enumerate(trials)
        ]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=COLUMNS)

    return make


@pytest.fixture
def momentum_trials(make_trials: Callable[[Outcomes], pd.DataFrame]) -> pd.DataFrame:
    return make_trials(
        {
            "0.5": [("collapsed", 52.0), ("finished", 76.0)],
            "0.9": [("finished", 81.0)],
            "0.99": [("finished", 87.0), ("finished", 88.0), ("finished", 89.0)],
            "1.0": [("failed", nan), ("finished", 85.0), ("running", nan)],
        }
    )


@pytest.fixture
def momentum_cells() -> list[Cell]:
    momenta = (0.5, 0.9, 0.99, 0.999, 1.0)
    return [
        Cell(f"key_momentum={m}", {"method.key_momentum": m}, tuple(f"{m}-{seed}" for seed in range(3)))
        for m in momenta
    ]


@pytest.fixture
def momentum_table(
    momentum_cells: list[Cell], momentum_trials: pd.DataFrame, momentum_series: PublishedSeries
) -> AblationTable:
    return ablate(
        "momentum",
        momentum_cells,
        momentum_trials,
        metric=METRIC,
        title="How does key momentum change accuracy?",
        baseline="key_momentum=0.99",
        protocol="digits, 5-shot",
        published=momentum_series,
    )


@pytest.fixture
def seeded_table(momentum_table: AblationTable) -> AblationTable:
    """The momentum table with seeds given by a rule."""
    stopped = {row.cell: f"told by {row.summary.n} & no more" for row in momentum_table.rows}
    return replace(momentum_table, seeding=Seeding(stopped, "Seeds by a rule: 5% & less."))


@pytest.fixture
def components_table(make_trials: Callable[[Outcomes], pd.DataFrame]) -> AblationTable:
    trials = make_trials(
        {"none": [("finished", 87.0), ("finished", 85.0)], "both": [("finished", 92.0), ("finished", 92.5)]}
    )
    cells = [
        Cell("none", {"transform.positives": "none", "transform.granularity": None}, (), "none"),
        Cell(
            "both_per_element", {"transform.positives": "extrapolate", "transform.granularity": "element"}, (), "both"
        ),
    ]
    published = load_published(PUBLISHED / "components.csv", "MoCo v1")
    return ablate(
        "components",
        cells,
        trials,
        metric=METRIC,
        title="Which part helps?",
        baseline="none",
        protocol=published.protocol,
        published=published,
    )


@pytest.fixture(scope="session")
def two_way_table(make_trials: Callable[[Outcomes], pd.DataFrame]) -> AblationTable:
    """A full grid of two axes, five seeds a cell; the differences of one cell are all the same.

    Its permutation tests take a while, so that all tests share it.
    """
    values = {
        ("interpolate", 0.2): (84.0, 85.0, 86.0, 84.5, 85.5),
        ("extrapolate", 0.2): (87.5, 88.0, 88.5, 87.9, 88.3),
        ("interpolate", 0.6): (84.0, 85.1, 86.2, 84.6, 85.6),
        ("extrapolate", 0.6): (88.0, 89.0, 90.0, 88.5, 89.5),
        ("interpolate", 2.0): (85.2, 86.1, 86.7, 85.4, 86.6),
        ("extrapolate", 2.0): (89.9, 90.0, 90.1, 89.8, 90.3),
    }
    trials = make_trials({f"{point}": [("finished", value) for value in found] for point, found in values.items()})
    cells = [
        Cell(
            f"positives={positives} alpha_extrapolation={alpha}",
            {"transform.positives": positives, "transform.alpha_extrapolation": alpha},
            (),
            f"{(positives, alpha)}",
        )
        for positives, alpha in values
    ]
    return ablate("mixing", cells, trials, metric=METRIC, title="Which mixing, and how strong?", baseline=cells[0].name)


@pytest.fixture(scope="session")
def methods_table(make_trials: Callable[[Outcomes], pd.DataFrame]) -> AblationTable:
    """A grid of methods and parts of FT without two of its points; each method has a baseline of its own."""
    values = {
        ("MoCo v2", "none"): (88.6, 90.1, 87.9, 89.0, 88.3),
        ("MoCo v2", "positives"): (92.0, 92.4, 91.1, 92.6, 91.5),
        ("MoCo v2", "negatives"): (90.0, 90.6, 89.3, 90.9, 89.4),
        ("SimCLR", "none"): (94.5, 93.6, 94.5, 94.2, 93.9),
        ("SimCLR", "positives"): (95.4, 95.2, 95.1, 95.3, 94.9),
        ("SimCLR", "negatives"): (95.1, 94.7, 94.9, 94.9, 94.6),
        ("SimSiam", "none"): (92.5, 92.8, 91.0, 92.2, 91.7),
        ("SimSiam", "positives"): (91.7, 93.3, 93.0, 92.4, 92.1),
    }
    axes = {f"method={method} FT={part}": {"method": method, "FT": part} for method, part in values}
    trials = make_trials(
        {name: [("finished", value) for value in found] for name, found in zip(axes, values.values(), strict=True)}
    )
    return ablate(
        "methods",
        [Cell(name, point, (), name) for name, point in axes.items()],
        trials,
        metric=METRIC,
        title="Which part of FT helps which method?",
        baseline=find_group_baselines(axes, "method", "none", "methods"),
        protocol="digits, 5-shot",
        published=load_published(PUBLISHED / "methods.csv"),
    )


@pytest.fixture
def differing_table(make_trials: Callable[[Outcomes], pd.DataFrame]) -> AblationTable:
    """Three cells of two seeds: one trained for fewer epochs, one with another torch at a seed."""
    finished = [("finished", 80.0), ("finished", 81.0)]
    trials = make_trials({"baseline": finished, "shorter": finished, "mixed": finished})
    trials["params"] = [{"train.epochs": epochs} for epochs in ("100", "100", "50", "50", "100", "100")]
    trials["tags"] = [{"version.torch": version} for version in ("2.15.0",) * 5 + ("2.14.0",)]
    cells = [Cell(name, {}, (), name) for name in ("baseline", "shorter", "mixed")]
    return ablate("differing", cells, trials, metric=METRIC, baseline="baseline")


@pytest.fixture
def make_study_table(make_trials: Callable[[Outcomes], pd.DataFrame]) -> Callable[[str], AblationTable]:
    """The table of one of our experiments with literal values, two seeds of a cell collapsed."""

    def make(name: str) -> AblationTable:
        experiment = load_experiment(name)
        named = [(cell.name, dict(cell.set)) for cell in experiment.cells]
        grid = experiment.grid
        points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values()) if grid]
        named += [(" ".join(f"{axis.rpartition('.')[2]}={point[axis]}" for axis in point), point) for point in points]
        axes = dict.fromkeys(axis for _, settings in named for axis in settings)
        cells = [Cell(cell, {axis: settings.get(axis) for axis in axes}, (), cell) for cell, settings in named]
        trials = make_trials(
            {
                cell.name: [
                    (
                        "collapsed" if place == 1 and seed < 2 else "finished",
                        88.0 - 1.7 * place + seed + 0.3 * (seed * place % 4),
                    )
                    for seed in range(5)
                ]
                for place, cell in enumerate(cells)
            }
        )
        return ablate(
            name,
            cells,
            trials,
            metric=METRIC,
            title=experiment.question,
            baseline=experiment.baseline,
            protocol="digits, 5-shot nearest centroid, small CNN, 100 epochs",
            published=load_published(PUBLISHED / f"{name}.csv", experiment.published and experiment.published.series),
        )

    return make


@pytest.fixture
def empty_table(momentum_cells: list[Cell], make_trials: Callable[[Outcomes], pd.DataFrame]) -> AblationTable:
    return ablate("momentum", momentum_cells, make_trials({}), metric=METRIC)


@pytest.fixture
def make_histories() -> Callable[..., Histories]:
    """Histories of trials: two epochs of two steps, in which each score is the trial's level times the step."""

    def make(levels: dict[str, float], ft_start: float = nan, *, steps: bool = True) -> Histories:
        names = (*SCORES, *SEEN_SCORES)
        metrics = [(key, e, name, level * e) for key, level in levels.items() for e in (1, 2) for name in names]
        single = [
            (key, e, 2 * e - 2 + place, name, level * (2 * e - 2 + place))
            for key, level in levels.items()
            for e in (1, 2)
            for name in names
            for place in (1, 2)
        ]
        norms = [
            (key, e, layer, level * e * depth)
            for key, level in levels.items()
            for e in (1, 2)
            for depth, layer in enumerate(("conv", "fc"), 1)
        ]
        kinds = ("positive", "negative", "positive_transformed", "negative_transformed")
        counts = [
            (key, e, f"scores/{kind}", [4 - place, 0, e, place], -1.0, 1.0)
            for key in levels
            for e in (1, 2)
            for place, kind in enumerate(kinds)
        ]
        return Histories(
            metrics=pd.DataFrame(metrics, columns=["trial_key", "epoch", "name", "value"]),
            steps=pd.DataFrame(single if steps else [], columns=["trial_key", "epoch", "step", "name", "value"]),
            gradient_norms=pd.DataFrame(norms if steps else [], columns=["trial_key", "epoch", "name", "value"]),
            histograms=pd.DataFrame(counts, columns=["trial_key", "epoch", "name", "counts", "low", "high"]),
            ft_starts=dict.fromkeys(levels, ft_start),
        )

    return make


@pytest.fixture
def momentum_histories(make_histories: Callable[..., Histories]) -> Histories:
    """Histories of the momentum table's trials: 0.5 to 1.0, without 0.9."""
    return make_histories({"0.5-0": 0.1, "0.5-1": 0.3, "0.99-0": 1.0, "0.99-1": 2.0, "0.99-2": 6.0, "1.0-1": 5.0})


@pytest.fixture
def no_histories(make_histories: Callable[..., Histories]) -> Histories:
    return make_histories({})
