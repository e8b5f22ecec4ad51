"""Find trials that need no training because this search or any experiment recorded them already."""

from typing import TYPE_CHECKING

from ftlab.reporting.inference.collapse import BACKBONE_RANKME
from ftlab.search.verdict import KNN, SeedResult, result_of
from ftlab.study.plan import is_settled
from ftlab.study.spec import Trial
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialStatus

if TYPE_CHECKING:
    import pandas as pd


class RecordedTrials:
    """Looks trials up in the journal of this machine, then among the trials of the tracking store.

    Args:
        journal: The local record, which is ahead of the store after a crash.
        stored: A row per recorded trial, see `ftlab.tracking.tracker.Tracker.load_trials`.
        study: Name of the search: a trial that it stopped early counts, a trial that another search stopped does not.
        metric: Metric of the search.
        devices: GPUs, or cores, of a trial.
    """

    def __init__(self, journal: Journal, stored: "pd.DataFrame", *, study: str, metric: str, devices: float) -> None:
        self._journal = journal
        self._rows = {str(row["trial_key"]): row for row in stored.to_dict("records")}
        self._study = study
        self._metric = metric
        self._devices = devices

    def find(self, trial: Trial) -> SeedResult | None:
        """Return the result of a trial that ended; None if it must be trained."""
        entry = self._journal.read(trial.key)
        if entry is not None and entry.outcome is not None and self._is_answer(entry.outcome, entry.trial.study):
            return result_of(entry.epochs, entry.outcome, self._metric, self._devices)
        row = self._rows.get(trial.key)
        if row is None:
            return None
        outcome = Outcome(TrialStatus(row["status"]), row["reason"])
        if not self._is_answer(outcome, row["study"]):
            return None
        # The store holds only the last epoch's seconds.
        seconds = row.get("train_seconds", 0.0) * trial.config.train.epochs
        nothing = float("nan")
        value, knn = row.get(self._metric, nothing), row.get(KNN, nothing)
        return SeedResult(outcome, value, knn, seconds * self._devices / 3600, row.get(BACKBONE_RANKME))

    def _is_answer(self, outcome: Outcome, study: str) -> bool:
        if outcome.status is TrialStatus.PRUNED:
            return study == self._study
        return is_settled(outcome.status, outcome.reason)
