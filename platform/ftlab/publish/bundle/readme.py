"""The README of a bundle."""

from collections.abc import Collection, Mapping, Sequence

from ftlab.reporting.table.axes import axis_text
from ftlab.reporting.trace.provenance import Origin, Provenance

DESCRIPTIONS: Mapping[str, str] = {
    "table.csv": "the table: a row a cell, numbers in full precision",
    "table.md": "the table for people",
    "table.tex": "the table for a paper",
    "trials.csv": "a row a trial: its key, seed, status and last value of every metric",
    "epochs.csv": "a row a trial and epoch: every scalar that was measured",
    "histograms.parquet": "score histograms: counts per equal bin from low to high, a row a trial, epoch and score",
    "cells.yaml": "every setting of every cell, resolved",
    "provenance.json": "definition of the table, the trials in it, their commits, and digests of its files",
    "report.html": "table and figures as a page that needs no network",
    "requirements.lock": "exact versions of all packages",
    "SHA256SUMS": "checksums of all files; check them with `sha256sum -c SHA256SUMS`",
}
FOLDERS: Mapping[str, str] = {
    "spec/": "the experiment, its profile and published numbers, as ftlab reads them",
    "figures/": "figures",
}
FIGURE = "figure"


def bundle_readme(
    provenance: Provenance, files: Collection[str], versions: Mapping[str, Sequence[str]], unmeasured: int
) -> str:
    """Return the README of a bundle.

    Args:
        provenance: Provenance of its table.
        files: Names of the bundle's files.
        versions: Versions of the packages that the trials were trained with, by name.
        unmeasured: Trials without a history of their epochs.
    """
    origin = provenance.origin
    lines = [
        f"# {origin.study}",
        "",
        f"{provenance.definition.title} {len(provenance.definition.cells)} cells, {len(provenance.trials)} trials; "
        f"metric `{provenance.definition.metric}`.",
        "",
        "## What is here",
        "",
        *(f"- `{name}`: {text}" for name, text in _contents(files).items()),
        *([f"- {unmeasured} trials left no record of their epochs."] if unmeasured else []),
        "",
        "## Reading it",
        "",
        "Nothing here needs a server, a network or ftlab. CSV files open in any spreadsheet; in Python:",
        "",
        "```python",
        "import pandas as pd",
        "",
        'epochs = pd.read_csv("epochs.csv")',
        'histograms = pd.read_parquet("histograms.parquet")',
        "```",
        "",
        "## Reproducing it",
        "",
        "In a checkout of ftlab at the commit below, with the same data:",
        "",
        "```",
        "make setup",
        f"FTLAB_EXPERIMENTS=/path/to/this/folder/spec {sweep_again(provenance)}",
        "```",
        "",
        *_facts(provenance, versions),
    ]
    return "\n".join(lines) + "\n"


def sweep_again(provenance: Provenance) -> str:
    """Return the command that trains all trials of a table if none of them is recorded."""
    origin = provenance.origin
    seeds = origin.seeds or max((trial.seed for trial in provenance.trials), default=0) + 1
    parts = [f"make sweep EXP={origin.experiment} PROFILE={origin.profile} SEEDS={seeds}"]
    if origin.max_trials is not None:
        parts.append(f"MAX_TRIALS={origin.max_trials}")
    if provenance.definition.interval != "t":
        parts.append(f"INTERVAL={provenance.definition.interval}")
    return " ".join([*parts, *_settings(origin)])


def _settings(origin: Origin) -> list[str]:
    settings = " ".join(f"{name}={axis_text(value).replace(' ', '')}" for name, value in origin.overrides.items())
    return [f'SET="{settings}"'] if settings else []


def _contents(files: Collection[str]) -> dict[str, str]:
    known = {name: text for name, text in DESCRIPTIONS.items() if name in files}
    folders = {name: text for name, text in FOLDERS.items() if any(file.startswith(name) for file in files)}
    others = [name for name in sorted(files) if name not in known and not name.startswith(tuple(FOLDERS))]
    return {**known, **folders, **dict.fromkeys(others, FIGURE)}


def _facts(provenance: Provenance, versions: Mapping[str, Sequence[str]]) -> list[str]:
    commits = dict.fromkeys(
        f"`{trial.commit or 'unknown'}`{' with uncommitted changes' if trial.dirty == 'true' else ''}"
        for trial in provenance.trials
    )
    trained_with = [f"{name} {' or '.join(found)}" for name, found in versions.items()]
    return [
        f"- Commit of the trials: {', '.join(commits) or 'none yet'}",
        f"- Fingerprint of the data: `{provenance.origin.fingerprint}`",
        f"- Version of the numerics: {provenance.origin.numerics}",
        f"- Trained with: {', '.join(trained_with) or 'unknown'}",
        "- Equal trial keys mean equal results on the same hardware; `trials.csv` names every key.",
    ]
