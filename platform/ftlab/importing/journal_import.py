"""Decide on the trials of another home, and bring the missing ones into this home's journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan, nan
from typing import TYPE_CHECKING

from ftlab.importing.trial_file import TrialFile, last_metrics
from ftlab.running.claims import TrialClaims
from ftlab.study.plan import is_settled
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import TRIAL_COLUMNS, Outcome, TrialStatus

if TYPE_CHECKING:
    import pandas as pd


class Fate(StrEnum):
    """The decision about a trial."""

    ADDED = "brought in"
    KNOWN = "there already"
    DIFFERING = "there already with other numbers, and left as they are"
    OPEN = "left out, not ended"
    CLAIMED = "left out, being trained here"


@dataclass(frozen=True)
class Known:
    """The end of a trial in this home.

    Attributes:
        outcome: Its result, or a failure that would repeat itself.
        metrics: Last value of each of its metrics.
    """

    outcome: Outcome
    metrics: Mapping[str, float]


class JournalImport:
    """Takes in the trials of another home, one by one; a result of this home is never replaced.

    If a trial was begun here but has not ended, the lines of the other home are added and decide its outcome. A trial
    that failed there by accident is taken in only if nothing of it is here.

    Args:
        journal: This home's journal.
        claims: Claims on its trials.
        recorded: The trials in the tracking store, one row a trial as ``Tracker.load_trials`` returns them.

    Attributes:
        differences: The different results of trials in the other home, in words.
    """

    def __init__(self, journal: Journal, claims: TrialClaims, recorded: "pd.DataFrame") -> None:
        self.differences: list[str] = []
        self._journal = journal
        self._claims = claims
        self._rows = {str(row["trial_key"]): row for row in recorded.to_dict("records")}

    def take_in(self, file: TrialFile) -> Fate:
        """Write a trial to the journal if it belongs there, and return the decision about it.

        Raises:
            RecordError: The file has changed since it was checked.
            FtlabError: The journal cannot be read or written.
        """
        if not file.has_ended:
            return Fate.OPEN
        known = self._find_known(file.key)
        if known is not None:
            return self._compare(known, file)
        is_here = self._journal.size(file.key) > 0 or file.key in self._rows
        if is_here and not _is_settled(file.outcome):
            return Fate.KNOWN
        if not self._claims.take(file.key):
            return Fate.KNOWN if self._claims.is_settled(file.key) else Fate.CLAIMED
        try:
            self._journal.append_lines(file.key, file.read())
        finally:
            self._claims.release(file.key)
        return Fate.ADDED

    def _find_known(self, key: str) -> Known | None:
        """Return the end of a trial in this home, from its journal or else from the store; None if it did not end."""
        entry = self._journal.read(key)
        if entry and entry.outcome and _is_settled(entry.outcome):
            return Known(entry.outcome, last_metrics({epoch.epoch: epoch.metrics for epoch in entry.epochs}))
        row = self._rows.get(key)
        if row is None or not is_settled(row["status"], row["reason"]):
            return None
        metrics = {str(name): float(value) for name, value in row.items() if name not in TRIAL_COLUMNS}
        return Known(Outcome(TrialStatus(row["status"]), row["reason"]), metrics)

    def _compare(self, known: Known, file: TrialFile) -> Fate:
        found = _difference(known, file)
        if not found:
            return Fate.KNOWN
        self.differences.append(f"{file.trial.study}, {file.trial.name} ({file.key}): {found}")
        return Fate.DIFFERING


def _difference(known: Known, file: TrialFile) -> str:
    """Return the difference of a trial's results in the two homes, in words; empty if there is none to compare."""
    theirs = file.outcome
    if theirs is None or not _is_settled(theirs):
        return ""
    if theirs.status is not known.outcome.status:
        return f"{known.outcome.status} here, {theirs.status} there"
    for name in sorted(known.metrics.keys() | file.metrics.keys()):
        # No two trainings take the same time.
        ours, other = known.metrics.get(name, nan), file.metrics.get(name, nan)
        if not name.endswith("_seconds") and ours != other and not (isnan(ours) and isnan(other)):
            return f"{name} {ours!r} here, {other!r} there"
    return ""


def _is_settled(outcome: Outcome | None) -> bool:
    return outcome is not None and is_settled(outcome.status, outcome.reason)
