"""The contract of tracking stores, and the tracker that records nothing."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, trials_frame
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    import pandas as pd


REFUSED_TAG = "files.refused"  # on a trial whose files could not be stored
RESERVED_TAGS = ("ftlab.", "mlflow.")  # of the store; all others are the trial's own

Numbers = Mapping[str, Mapping[str, float]]  # of a table, by the name of a row and of the number


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that belong to a trial, without those of the store."""
    return {name: text for name, text in tags.items() if not name.startswith(RESERVED_TAGS)}


class Tracker(Protocol):
    """The verbs of a tracking store. Only one process, the driver of a study, writes.

    Every verb may be repeated: opening what is open, logging an epoch again or closing what is closed changes nothing,
    so that a study can replay its journal after a crash. Verbs raise `TrackingError` when the store cannot be reached,
    and its subclass `ArtifactError` when all of a record is taken but its files.
    """

    def open_study(self, study: StudyRecord) -> None:
        """Create the study, or continue the one of that name."""
        ...

    def has_study(self, study: str) -> bool:
        """Return whether there is a study of that name, open or ended, in which trials can be recorded."""
        ...

    def open_trial(self, trial: TrialRecord) -> None:
        """Create the trial's run, or continue the run with its trial key, in any study; a result stays."""
        ...

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Record epochs of an open trial; an epoch that is already recorded is skipped."""
        ...

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Record the outcome of an open trial; a final status stays until the trial is opened again."""
        ...

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        """Open a trial, record its epochs and close it; a store may do so in fewer steps than the three verbs take."""
        ...

    def shows_rows(self, study: str, cells: Mapping[str, str]) -> bool:
        """Return whether a study's page shows these trials, as `show_rows` shows them; see there."""
        ...

    def show_rows(self, study: str, cells: Mapping[str, str]) -> None:
        """Show trials on an open study's page: those of other studies as references, which no verb takes for a trial.

        A reference has the last metrics and the settings of its trial. One that differs from what is recorded by now is
        made anew; trials without a record are left out.

        Args:
            study: The study.
            cells: Name of each trial's row in this study, by trial key.
        """
        ...

    def close_study(
        self,
        study: str,
        *,
        description: str,
        artifacts: Path | None,
        complete: bool,
        numbers: Numbers | None = None,
    ) -> None:
        """Attach a Markdown description, the files below a folder and the numbers of a table to a study, and end it."""
        ...

    def reconcile(self) -> int:
        """Mark the runs that a dead driver left running as interrupted; return the number of trials marked."""
        ...

    def load_trials(self) -> "pd.DataFrame":
        """Return a row per trial: `TRIAL_COLUMNS`, then a column per metric with its last value.

        Metric columns carry the metric's own name (``probe/top1``); a metric that a trial lacks is NaN.
        ``run_id`` is the store's identifier of the run; ``params`` and ``tags`` are the mappings of `TrialRecord`, with
        the tags of `Outcome`, and with `REFUSED_TAG` if its files were refused. Rows are ordered by trial key.
        """
        ...

    def load_histories(
        self, trial_keys: Collection[str], parts: Collection[HistoryPart]
    ) -> "dict[HistoryPart, pd.DataFrame]":
        """Return parts of the histories of trials in long form, each with the columns of `HISTORY_COLUMNS`.

        ``trial_key`` and ``name`` are categoricals, ``epoch`` and ``step`` integers, ``value`` a float and ``counts``
        an array of integers. Rows come in the order of ``trial_keys``, within a trial as they were recorded. A trial
        that is unknown, or has nothing of a part, has no rows; a damaged record gives a
        warning, and its key is in the frame's attribute `UNREADABLE`.

        Args:
            trial_keys: Keys of the trials.
            parts: The parts; together they take little longer than one. A running trial has its metrics so far; a
                store may have the other parts only after its end.
        """
        ...


def load_history(tracker: Tracker, trial_keys: Collection[str], part: HistoryPart) -> "pd.DataFrame":
    """Return one part of the histories of trials, see `Tracker.load_histories`."""
    return tracker.load_histories(trial_keys, (part,))[part]


class NullTracker:
    """Records nothing; the cost of tracking is measured against it."""

    def open_study(self, study: StudyRecord) -> None:
        """Ignore the study."""

    def has_study(self, study: str) -> bool:  # noqa: ARG002
        """Return False, because nothing was ever opened."""
        return False

    def open_trial(self, trial: TrialRecord) -> None:
        """Ignore the trial."""

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Ignore the epochs."""

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Ignore the outcome."""

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        """Ignore the trial."""

    def shows_rows(self, study: str, cells: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Return True, because nothing can be shown."""
        return True

    def show_rows(self, study: str, cells: Mapping[str, str]) -> None:
        """Ignore the rows."""

    def close_study(
        self,
        study: str,
        *,
        description: str,
        artifacts: Path | None,
        complete: bool,
        numbers: Numbers | None = None,
    ) -> None:
        """Ignore the end of the study."""

    def reconcile(self) -> int:
        """Return 0, because nothing was ever running."""
        return 0

    def load_trials(self) -> "pd.DataFrame":
        """Return an empty frame."""
        return trials_frame([])

    def load_histories(
        self,
        trial_keys: Collection[str],  # noqa: ARG002
        parts: Collection[HistoryPart],
    ) -> "dict[HistoryPart, pd.DataFrame]":
        """Return empty frames."""
        from ftlab.tracking.score_history import history_frame

        return {part: history_frame({}, part) for part in parts}
