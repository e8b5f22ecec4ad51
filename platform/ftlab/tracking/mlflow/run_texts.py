"""The texts by which people tell runs apart in MLflow's pages: names, and descriptions in Markdown."""

import json
import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from ftlab.tracking.records import TrialRecord

_AXIS = re.compile(r"(?:^| )([^\s=]+)=")
_NOT_IN_METRICS = re.compile(r"[^\w.\- :]+")

# Tags by which MLflow's pages share what a list of runs shows; the rest of the name stands in the list's address.
VIEW_PREFIX = "mlflow.sharedViewState."

EXPERIMENT_NOTE = """{question}

A run at the first level is a study: this experiment at one profile, with its table as description and the table's
numbers as metrics. Below it stands a run for each trial, that is a row of the table with one seed. A trial that several
tables need is trained once; the others show a reference to its run, with the last values and the tag `ftlab.reference`.

To see one table: tags.`ftlab.study` = 'EXPERIMENT/PROFILE'. To see its rows: group by the tag `ftlab.cell`; the mean of
the metric `collapsed` is then the part of the seeds that collapsed. Columns to choose: `ftlab.status`, `ftlab.seed`,
`collapsed`.
"""


def run_name(trial: "TrialRecord") -> str:
    """Return the name of a trial's run: seed and values first, since a page cuts the end.

    >>> from ftlab.tracking.records import TrialRecord
    >>> run_name(TrialRecord("key", "cell", 0, "momentum/digits", "key_momentum=0.99 seed 0", {}))
    's0 · 0.99 (key_momentum)'
    """
    return label(trial.cell, trial.seed) if trial.cell != trial.name else trial.name


def label(cell: str, seed: int) -> str:
    """Return the name of a run from the name of its row and its seed.

    >>> label("method=SimCLR FT=both per element", 3), label("none", 0)
    ('s3 · SimCLR, both per element (method, FT)', 's0 · none')
    """
    before, *parts = _AXIS.split(cell)
    if parts and not before:
        cell = f"{', '.join(parts[1::2])} ({', '.join(parts[::2])})"
    return f"{_mark(seed)}{cell}"


def trial_name(run: str, seed: int, cell: str | None) -> str:
    """Return a trial's own name.

    Args:
        run: Name of its run; an older ftlab gave it the trial's own, and a person may have changed it.
        seed: Its seed.
        cell: Name of its row; None if the run does not name it.
    """
    return f"{cell} seed {seed}" if cell is not None and run.startswith(_mark(seed)) else run


def trial_note(trial: "TrialRecord") -> str:
    """Return the description of a trial's run."""
    return f"Row `{trial.cell}` of the table `{trial.study}`, seed {trial.seed}."


def reference_note(study: str, cell: str, seed: str, trained_for: str, experiment_id: str, run_id: str) -> str:
    """Return the description of a reference, with a link to the run that it points to."""
    return (
        f"Row `{cell}` of the table `{study}`, seed {seed}, was trained for `{trained_for}` and not again. "
        f"Its curves and files are in [its run](#/experiments/{experiment_id}/runs/{run_id})."
    )


def metric_names(rows: Iterable[str]) -> dict[str, str]:
    """Return the last part of a metric's name for each row of a table: of the characters that MLflow takes, and unique.

    >>> metric_names(["key_momentum=0.99", "λ/2", "λ+2"])
    {'key_momentum=0.99': 'key_momentum_0.99', 'λ/2': 'λ_2', 'λ+2': 'λ_2:2'}
    """
    names: dict[str, str] = {}
    for row in rows:
        plain = _NOT_IN_METRICS.sub("_", row).strip("._ ") or "row"
        candidates = (plain if number == 1 else f"{plain}:{number}" for number in count(1))
        names[row] = next(name for name in candidates if name not in names.values())
    return names


def runs_link(base: str, experiment_id: str, condition: str = "", metric: str = "") -> str:
    """Return the address of an experiment's list of runs.

    Args:
        base: Address of MLflow's pages.
        experiment_id: Identifier of the experiment.
        condition: Search condition of the runs; empty shows all.
        metric: Metric whose highest value comes first; empty shows the newest first.
    """
    parts = {"searchFilter": condition} if condition else {}
    if metric:
        parts |= {"orderByKey": f"metrics.`{metric}`", "orderByAsc": "false"}
    chosen = "".join(f"&{name}={quote(text, safe='')}" for name, text in parts.items())
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning{chosen}"


def runs_view(condition: str, metric: str) -> tuple[str, str]:
    """Return how a study's runs are listed, as MLflow's pages share it, and the key that names it.

    Args:
        condition: Search condition of the runs.
        metric: Metric whose highest value comes first.
    """
    columns = ["tags.`ftlab.status`", "metrics.`collapsed`", f"metrics.`{metric}`", "tags.`ftlab.seed`"]
    order = {"orderByKey": f"metrics.`{metric}`", "orderByAsc": False}
    view = json.dumps({"searchFilter": condition, **order, "selectedColumns": columns})
    return sha256(view.encode()).hexdigest()[:16], view


def view_link(base: str, experiment_id: str, key: str) -> str:
    """Return the address of an experiment's list of runs as the view of a key shows it."""
    return f"{runs_link(base, experiment_id)}&viewStateShareKey={key}"


def _mark(seed: int) -> str:
    return f"s{seed} · "
