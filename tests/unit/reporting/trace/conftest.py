from collections.abc import Callable
from math import nan

import pandas as pd
import pytest

from ftlab.reporting.table.ablation import Cell
from ftlab.reporting.table.published import PublishedRow, PublishedSeries, PublishedValue
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import Origin, Provenance, trace_table
from ftlab.reporting.writers.render import RENDERERS

METRIC = "knn/top1"
MakeTrial = Callable[..., dict[str, object]]


@pytest.fixture
def make_trial() -> MakeTrial:
    """A recorded trial of a momentum, as a row of the tracker's frame."""

    def make(momentum: float, seed: int, status: str, value: float, **changes: object) -> dict[str, object]:
        return {
            "trial_key": f"{momentum}-{seed}",
            "cell_key": f"cell-{momentum}",
            "seed": seed,
            "status": status,
            "reason": "",
            "experiment": "momentum",
            "study": "momentum/digits",
            "name": "",
            "run_id": f"run-{momentum}-{seed}",
            "params": {"seed": str(seed), "method.key_momentum": str(momentum), "train.epochs": "5"},
            "tags": {"git.commit": "abc", "git.dirty": "false", "version.torch": "2.15.0", "python": "3.11.7"},
            METRIC: value,
            "pretrain/loss": value / 3,
            **changes,
        }

    return make


@pytest.fixture
def recorded(make_trial: MakeTrial) -> pd.DataFrame:
    """Two momenta with two values each, one of them collapsed, and a failed trial."""
    return pd.DataFrame(
        [
            make_trial(0.9, 0, "collapsed", 60.1),
            make_trial(0.9, 1, "finished", 70.2),
            make_trial(0.99, 0, "finished", 90.3),
            make_trial(0.99, 1, "finished", 91.4),
            make_trial(0.99, 2, "failed", nan),
        ]
    )


@pytest.fixture
def definition() -> TableDefinition:
    series = PublishedSeries(
        ("method.key_momentum",),
        (PublishedRow({"method.key_momentum": "0.99"}, PublishedValue(56.2, "56.20")),),
        "ResNet-18",
        "top-1 (%)",
        "ImageNet-100",
        "arXiv 2108.02982",
    )
    return TableDefinition(
        name="momentum",
        cells=tuple(Cell(f"key_momentum={m}", {"method.key_momentum": m}, (), f"cell-{m}") for m in (0.9, 0.99)),
        metric=METRIC,
        title="How does momentum matter?",
        baseline="key_momentum=0.99",
        protocol="digits, kNN",
        published=series,
        seeding=None,
        tex_style="compact",
    )


@pytest.fixture
def origin() -> Origin:
    return Origin(
        study="momentum/digits",
        experiment="momentum",
        profile="digits",
        overrides={"transform.lambda_extrapolation": [1.0, 1.5]},
        seeds=None,
        max_trials=None,
        fingerprint="f00d",
        numerics=1,
    )


@pytest.fixture
def provenance(origin: Origin, definition: TableDefinition, recorded: pd.DataFrame) -> Provenance:
    return trace_table(origin, definition, definition.tabulate(recorded), recorded)


@pytest.fixture
def files(provenance: Provenance, recorded: pd.DataFrame) -> dict[str, str]:
    """The files of the table as they were written."""
    table = provenance.tabulate(recorded)
    return {name: render(table) for name, render in RENDERERS.items()}
