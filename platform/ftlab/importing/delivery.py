"""Deliver trials from the journal to the tracking store, and open the studies that it lacks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ftlab.errors import ArtifactError, TrackingError
from ftlab.study.plan import is_settled
from ftlab.tracking.journal import Journal, JournalEntry
from ftlab.tracking.records import Outcome, StudyRecord, TrialStatus
from ftlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "Trials that another home recorded, brought in by `make import-journal`."


class Delivery:
    """Records in the store the trials that ended by the journal but not by the store.

    An existing study keeps its description, its files and its status; a missing one is opened, and closed at the end. A
    study that the store refuses does not delay the others.

    Args:
        tracker: The store.
        journal: The journal.
        recorded: The trials in the store, one row a trial as ``Tracker.load_trials`` returns them.

    Attributes:
        delivered: Keys of the trials that the store took.
        undelivered: Keys of the trials that it did not take; the journal has them.
        problem: The last error of the store; empty if there was none.
    """

    def __init__(self, tracker: Tracker, journal: Journal, recorded: "pd.DataFrame") -> None:
        self.delivered: list[str] = []
        self.undelivered: list[str] = []
        self.problem = ""
        self._tracker = tracker
        self._journal = journal
        rows = zip(recorded["trial_key"], recorded["status"], recorded["reason"], strict=True)
        self._ends = {str(key): Outcome(TrialStatus(status), str(reason)) for key, status, reason in rows}
        self._opened: list[str] = []
        self._refused: set[str] = set()

    def run(self, keys: Iterable[str]) -> None:
        """Deliver trials, and close the studies that were opened for them.

        Args:
            keys: Keys of the trials.
        """
        for key in keys:
            entry = self._journal.read(key)
            if entry is not None and entry.outcome is not None and self._is_lacking(key, entry.outcome):
                self._deliver(entry, entry.outcome)
        for study in self._opened:
            self._close(study)

    def _is_lacking(self, key: str, outcome: Outcome) -> bool:
        there = self._ends.get(key)
        if there is None or _is_settled(outcome):
            return outcome.status.is_final and not (there and _is_settled(there))
        # If both are accidents, the store keeps its own.
        return outcome.status.is_final and not there.status.is_final

    def _deliver(self, entry: JournalEntry, outcome: Outcome) -> None:
        trial = entry.trial
        try:
            if trial.study not in self._refused:
                self._open(trial.study)
                self._tracker.record_trial(trial, entry.epochs, outcome)
        except ArtifactError as error:  # the record itself is taken
            self.problem = str(error)
        except TrackingError as error:
            self._refused.add(trial.study)
            self.problem = str(error)
        taken = self.undelivered if trial.study in self._refused else self.delivered
        taken.append(trial.trial_key)

    def _open(self, study: str) -> None:
        if not self._tracker.has_study(study):
            self._opened.append(study)
            self._tracker.open_study(StudyRecord(study.partition("/")[0], study))

    def _close(self, study: str) -> None:
        is_complete = study not in self._refused
        try:
            self._tracker.close_study(study, description=DESCRIPTION, artifacts=None, complete=is_complete)
        except TrackingError as error:
            self.problem = str(error)


def _is_settled(outcome: Outcome) -> bool:
    return is_settled(outcome.status, outcome.reason)
