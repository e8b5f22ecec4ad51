"""The explanation of a table's cell: its trials, and the code, data and hardware that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.printed.metric_labels import metric_value
from ftlab.reporting.table.ablation import Cell
from ftlab.reporting.table.axes import axis_text, same_value
from ftlab.reporting.table.baselines import baseline_of
from ftlab.reporting.trace.provenance import Provenance, SourceTrial, tags_by_trial

PYTHON, VERSION = "python", "version."
HARDWARE = ("hardware.device", "hardware.cpu", "hardware.cores", "hardware.threads")
FINGERPRINT = "data.fingerprint"


@dataclass(frozen=True)
class TrialExplanation:
    """A trial of a cell, with its settings and its origin.

    Attributes:
        trial: The trial as it stands in the table.
        params: Its settings that have an effect, by dotted name as text; empty if it is gone from the tracking store.
        tags: The record of its code, data, hardware and versions.
    """

    trial: SourceTrial
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class CellExplanation:
    """A cell of a table, with the settings and trials behind it.

    Attributes:
        cell: The cell.
        metric: Metric of the table.
        baseline: Name of the baseline cell; None without one, and in the baseline itself.
        differing: Settings that both cells have and that differ: value here and value in the baseline, by dotted name.
        trials: Its trials, ordered by seed.
    """

    cell: Cell
    metric: str
    baseline: str | None
    differing: Mapping[str, tuple[str, str]]
    trials: tuple[TrialExplanation, ...]


def find_cell(cells: Sequence[Cell], wanted: str) -> Cell:
    """Return the cell of a name, or the only cell with a value on an axis; numbers match by size.

    Raises:
        ConfigError: No cell matches (the nearest is named), or several do.
    """
    named = [cell for cell in cells if cell.name == wanted]
    found = named or [cell for cell in cells if any(same_value(wanted, value) for value in cell.axes.values())]
    if len(found) == 1:
        return found[0]
    names = [cell.name for cell in found or cells]
    if found:
        raise ConfigError(f"--cell must match one cell, but {wanted!r} matches {len(found)}: {', '.join(names)}.")
    raise ConfigError(f"--cell must be a cell of the table or its value, but got {wanted!r}.{_hint(cells, wanted)}")


def explain_cell(provenance: Provenance, recorded: pd.DataFrame, cell: Cell) -> CellExplanation:
    """Return the explanation of a cell.

    Args:
        provenance: Provenance of the table.
        recorded: One row a trial as ``Tracker.load_trials`` returns them, with the parameters that have an effect.
        cell: A cell of the table.
    """
    params: dict[str, Mapping[str, str]] = dict(zip(recorded["trial_key"], recorded["params"], strict=True))
    tags = tags_by_trial(recorded)
    baseline = baseline_of(provenance.definition.baseline, cell.axes)
    baseline = None if baseline == cell.name else baseline
    trials = tuple(
        TrialExplanation(trial, params.get(trial.trial_key, {}), tags.get(trial.trial_key, {}))
        for trial in provenance.trials_of(cell.name)
    )
    ours = _settings(provenance, params, cell.name)
    theirs = _settings(provenance, params, baseline) if baseline else ours
    differing = {
        name: (ours[name], theirs[name]) for name in sorted(ours.keys() & theirs.keys()) if ours[name] != theirs[name]
    }
    return CellExplanation(cell, provenance.definition.metric, baseline, differing, trials)


def explanation_lines(explanation: CellExplanation) -> list[str]:
    """Return an explanation in words, without the commands that train its trials again."""
    axes = ", ".join(f"{axis}={axis_text(value)}" for axis, value in explanation.cell.axes.items() if value is not None)
    lines = [f"cell {explanation.cell.name}{f' ({axes})' if axes else ''}, cell key {explanation.cell.cell_key}"]
    if explanation.baseline:
        lines.append(f"differs from {explanation.baseline} in:")
        lines += [f"  {name}: {ours} (there {theirs})" for name, (ours, theirs) in explanation.differing.items()]
    if not explanation.trials:
        lines.append("no trial of it is in the table yet")
    lines += [_trial_line(trial.trial, explanation.metric) for trial in explanation.trials]
    made: dict[tuple[str, ...], list[str]] = {}
    for trial in explanation.trials:
        made.setdefault(_facts(trial), []).append(str(trial.trial.seed))
    for facts, seeds in made.items():
        lines += [
            f"made by (seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}):",
            *(f"  {fact}" for fact in facts),
        ]
    return lines


def _trial_line(trial: SourceTrial, metric: str) -> str:
    value = "no value" if trial.value is None else metric_value(metric, trial.value)
    return f"  seed {trial.seed}: trial {trial.trial_key}, run {trial.run_id}, {trial.status}, {value}"


def _facts(explained: TrialExplanation) -> tuple[str, ...]:
    trial, tags = explained.trial, explained.tags
    changes = {"true": " with uncommitted changes", "false": ""}.get(trial.dirty, ", uncommitted changes unknown")
    commit = f"commit {trial.commit or 'unknown'}{changes}"
    if not tags:
        return (commit, "gone from the tracking store")
    versions = {name.removeprefix(VERSION): tags[name] for name in sorted(tags) if name.startswith((PYTHON, VERSION))}
    hardware = {name.partition(".")[2]: tags[name] for name in HARDWARE if name in tags}
    return (
        commit,
        f"data {tags.get(FINGERPRINT, 'unknown')}",
        f"hardware: {_listed(hardware)}",
        f"versions: {_listed(versions)}",
    )


def _listed(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in facts.items()) or "unknown"


def _settings(provenance: Provenance, params: Mapping[str, Mapping[str, str]], cell: str) -> dict[str, str]:
    known = [params[trial.trial_key] for trial in provenance.trials_of(cell) if trial.trial_key in params]
    return {name: text for name, text in known[0].items() if name != "seed"} if known else {}


def _hint(cells: Sequence[Cell], wanted: str) -> str:
    values = {axis_text(value): cell.name for cell in cells for value in cell.axes.values() if value is not None}
    return nearest(wanted, {*(cell.name for cell in cells), *values})
