"""The provenance of a table: everything that it was computed from, so that anyone can compute it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import isnan
from typing import Any, TypeVar

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from ftlab.errors import ResultsError
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.axes import AxisValue
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.writers.render import render_table

PROVENANCE_FILE = "provenance.json"
FORMAT = 1
DIGEST = "digest"
REWRITE = "write it anew: make table EXP=... PROFILE=..."

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """The command's arguments that a table was made with, and the data and numerics of its trials.

    Attributes:
        study: Name of the study, and of its folder below results/.
        experiment: Name of the experiment.
        profile: Name of the profile.
        overrides: Settings of the user for every cell; paths are reduced to their last part.
        seeds: Trials a cell, ``auto``, or None where every recorded seed counts.
        max_trials: Bound of ``auto``; None without one.
        fingerprint: Digest of the data's content.
        numerics: Version of the numerics that named the trials.
    """

    study: str
    experiment: str
    profile: str
    overrides: Mapping[str, AxisValue]
    seeds: int | str | None
    max_trials: int | None
    fingerprint: str
    numerics: int


@dataclass(frozen=True)
class SourceTrial:
    """A trial that stands in a table.

    Attributes:
        cell: Name of its cell.
        trial_key: Digest of everything that decides its numbers.
        seed: Seed of all its random streams.
        status: ``finished``, ``collapsed`` or ``failed``.
        run_id: Identifier in the tracking store.
        value: The table's metric; None when the trial has none.
        commit: Commit of the code that trained it; empty when unknown.
        dirty: Whether that code had uncommitted changes, as recorded: ``true``, ``false`` or ``unknown``.
    """

    cell: str
    trial_key: str
    seed: int
    status: str
    run_id: str
    value: float | None
    commit: str
    dirty: str


@dataclass(frozen=True)
class Provenance:
    """Everything that a table was made from.

    Attributes:
        origin: The arguments that it was made with.
        definition: Everything that it is computed from beside its trials.
        trials: The trials that stand in it, by cell, then seed.
        files: SHA-256 of each file of the table by name.
        drawn: SHA-256 of the report and of each figure by path below the folder; empty in a provenance of before.
        drawn_from: Digest of everything that each of them was drawn from, by the same paths; one without is drawn anew.
    """

    origin: Origin
    definition: TableDefinition
    trials: tuple[SourceTrial, ...]
    files: Mapping[str, str]
    drawn: Mapping[str, str] = field(default_factory=dict)
    drawn_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def trial_keys(self) -> frozenset[str]:
        """Keys of the trials that stand in the table."""
        return frozenset(trial.trial_key for trial in self.trials)

    def trials_of(self, cell: str) -> tuple[SourceTrial, ...]:
        """Return the trials of a cell, ordered by seed."""
        return tuple(trial for trial in self.trials if trial.cell == cell)

    def select(self, recorded: pd.DataFrame) -> pd.DataFrame:
        """Return the recorded trials that stand in the table."""
        return recorded[recorded["trial_key"].isin(self.trial_keys)]

    def tabulate(self, recorded: pd.DataFrame) -> AblationTable:
        """Compute the table again from the same trials; trials that were recorded since do not count."""
        return self.definition.tabulate(self.select(recorded))


def trace_table(
    origin: Origin,
    definition: TableDefinition,
    table: AblationTable,
    recorded: pd.DataFrame,
    drawn: Mapping[str, bytes] | None = None,
    drawn_from: Mapping[str, str] | None = None,
) -> Provenance:
    """Return the provenance of a table.

    Args:
        origin: The arguments that it was made with.
        definition: Its definition.
        table: The table that the definition gave with the recorded trials.
        recorded: The recorded trials.
        drawn: Content of the report and of each figure, by path below the folder.
        drawn_from: Digest of everything that each of them was drawn from.
    """
    tags = tags_by_trial(recorded)
    trials = (
        SourceTrial(
            cell=trial.cell,
            trial_key=trial.trial_key,
            seed=trial.seed,
            status=trial.status,
            run_id=trial.run_id,
            value=None if isnan(trial.value) else trial.value,
            commit=tags[trial.trial_key].get("git.commit", ""),
            dirty=tags[trial.trial_key].get("git.dirty", "unknown"),
        )
        for trial in table.trials
    )
    files = {name: text_digest(text) for name, text in render_table(table, definition.tex_style).items()}
    digests = {name: sha256(content).hexdigest() for name, content in (drawn or {}).items()}
    return Provenance(origin, definition, tuple(trials), files, digests, drawn_from or {})


def provenance_text(provenance: object) -> str:
    """Return the text of a provenance file: JSON that ends with a digest of itself; equal content, equal bytes.

    Args:
        provenance: The dataclass of a provenance.
    """
    content = {"format": FORMAT, **TypeAdapter(type(provenance)).dump_python(provenance, mode="json")}
    return json.dumps({**content, DIGEST: _content_digest(content)}, indent=2, ensure_ascii=False) + "\n"


def parse_provenance(text: str, source: str) -> Provenance:
    """Read the provenance file of a table, see `parse_as`."""
    return parse_as(Provenance, text, source)


def parse_as(kind: type[T], text: str, source: str) -> T:
    """Read a provenance file.

    Args:
        kind: Dataclass of the provenance.
        text: Its text.
        source: Its path, for messages.

    Raises:
        ResultsError: It is no provenance file, was edited, or has the format of another version.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        digest, version = content.pop(DIGEST), content["format"]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ResultsError(f"{source} must be the JSON that ftlab wrote, but cannot be read; {REWRITE}") from error
    if version != FORMAT:
        raise ResultsError(f"{source} must have format {FORMAT}, but got {version!r}; {REWRITE}")
    if digest != _content_digest(content):
        raise ResultsError(f"{source} must be as ftlab wrote it, but was edited: its digest differs; {REWRITE}")
    try:
        return TypeAdapter(kind).validate_python({name: part for name, part in content.items() if name != "format"})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ResultsError(f"{source} must hold a table's provenance, but {place}: {problem['msg']}") from error


def tags_by_trial(recorded: pd.DataFrame) -> dict[str, Mapping[str, str]]:
    """Return the provenance tags of recorded trials by trial key."""
    tags: Sequence[Mapping[str, str]] = list(recorded["tags"])
    return dict(zip(recorded["trial_key"], tags, strict=True))


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text file."""
    return sha256(text.encode()).hexdigest()


def _content_digest(content: Mapping[str, object]) -> str:
    return text_digest(json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
