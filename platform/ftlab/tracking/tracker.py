"""The contract of a tracker: its records and verbs; and the tracker that records nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


class TrialStatus(StrEnum):
    """State of a trial in the tracking store; all but the first two are final answers of a training."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    COLLAPSED = "collapsed"
    FAILED = "failed"
    PRUNED = "pruned"

    @property
    def is_final(self) -> bool:
        """Return whether the trial ended by itself, and was not interrupted."""
        return self not in (TrialStatus.RUNNING, TrialStatus.INTERRUPTED)

    @property
    def is_result(self) -> bool:
        """Return whether the trial was trained to its end; a result stays, while a failed or pruned trial may go on."""
        return self in (TrialStatus.FINISHED, TrialStatus.COLLAPSED)


@dataclass(frozen=True)
class StudyRecord:
    """One study: an experiment at one profile (and one set of overrides).

    Attributes:
        experiment: Experiment name; trials of one name are browsed together.
        study: Identifier of the study, unique in the store, e.g. ``momentum/digits``.
        tags: Facts about the study for people who browse it.
    """

    experiment: str
    study: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialRecord:
    """One trial, as the tracker gets it.

    Attributes:
        trial_key: Digest of everything that decides the trial's numbers.
        cell_key: The same digest without the seed: equal for the trials of one cell.
        seed: Seed of all its random streams.
        study: ``StudyRecord.study`` of the study that trains it.
        name: Short label for people, e.g. ``key_momentum=0.99 seed 0``.
        params: Resolved settings by dotted name.
        tags: Provenance: commit, data fingerprint, hardware, library versions.
    """

    trial_key: str
    cell_key: str
    seed: int
    study: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochRecord:
    """The measurements of one epoch of training.

    Attributes:
        epoch: Number of epochs trained so far, from 1.
        timestamp: Unix time in seconds at which the epoch ended.
        metrics: Scalars by metric name, e.g. ``pretrain/loss``.
        histograms: Counts per score bin by score name; empty when none was taken.
        steps: Series of equal length over some of the epoch's steps, among them ``step``, the number of steps so far.
        gradient_norms: L2 norm of each layer's weight gradient by layer, from the images upwards.
    """

    epoch: int
    timestamp: float
    metrics: Mapping[str, float]
    histograms: Mapping[str, Sequence[int]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    gradient_norms: Mapping[str, float] = field(default_factory=dict)


class HistoryPart(StrEnum):
    """The parts of a history that `Tracker.load_history` can return; the fields of `EpochRecord`."""

    METRICS = "metrics"
    HISTOGRAMS = "histograms"
    STEPS = "steps"
    GRADIENT_NORMS = "gradient_norms"


HISTORY_COLUMNS: Mapping[HistoryPart, tuple[str, ...]] = {
    HistoryPart.METRICS: ("trial_key", "epoch", "name", "value"),
    HistoryPart.HISTOGRAMS: ("trial_key", "epoch", "name", "counts"),
    HistoryPart.STEPS: ("trial_key", "epoch", "step", "name", "value"),
    HistoryPart.GRADIENT_NORMS: ("trial_key", "epoch", "name", "value"),
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        status: Its last status.
        reason: The reason why it did not finish, or why it collapsed.
        tags: Facts about the trial that only its training knows, e.g. that compiling fell back; they stand beside the
            tags of `TrialRecord`.
    """

    status: TrialStatus
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


RESERVED_TAGS = ("ftlab.", "mlflow.")  # of the store; all others are the trial's own

TRIAL_COLUMNS = (
    "trial_key",
    "cell_key",
    "seed",
    "status",
    "reason",
    "experiment",
    "study",
    "name",
    "run_id",
    "params",
    "tags",
)


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that belong to a trial, without those of the store."""
    return {name: text for name, text in tags.items() if not name.startswith(RESERVED_TAGS)}


def trials_frame(rows: Sequence[Mapping[str, object]]) -> "pd.DataFrame":
    """Return the frame of `Tracker.load_trials`.

    Args:
        rows: Per trial the values of `TRIAL_COLUMNS` and its metrics' last values, in any order; without ``params`` or
            ``tags`` it has none.
    """
    metrics = sorted({column for row in rows for column in row}.difference(TRIAL_COLUMNS))
    described = [{"params": {}, "tags": {}, **row} for row in rows]
    # pandas takes seconds to import; workers, which only read the types above, never need it.
    import pandas as pd

    frame = pd.DataFrame(described, columns=[*TRIAL_COLUMNS, *metrics])
    return frame.sort_values("trial_key", ignore_index=True)


class Tracker(Protocol):
    """The verbs of a tracking store. Only one process, the driver of a study, writes.

    Every verb may be repeated: opening what is open, logging an epoch again or closing what is closed changes nothing,
    so that a study can replay its journal after a crash. Verbs raise `TrackingError` when the store cannot be reached.
    """

    def open_study(self, study: StudyRecord) -> None:
        """Create the study, or continue the one of that name."""
        ...

    def has_study(self, study: str) -> bool:
        """Return whether there is a study of that name, open or ended: its trials can be recorded as it is."""
        ...

    def open_trial(self, trial: TrialRecord) -> None:
        """Create the trial's run, or continue the run with its trial key, in any study; a result stays."""
        ...

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochRecord]) -> None:
        """Record epochs of an open trial; an epoch that is already recorded is skipped."""
        ...

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Record the outcome of an open trial; a final status stays until the trial is opened again."""
        ...

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochRecord], outcome: Outcome) -> None:
        """Open a trial, record its epochs and close it; a store may do so in fewer steps than the three verbs take."""
        ...

    def close_study(self, study: str, *, description: str, artifacts: Path | None, complete: bool) -> None:
        """Attach a Markdown description and the files below a folder to a study, and end it."""
        ...

    def reconcile(self) -> int:
        """Mark the runs that a dead driver left running as interrupted; return the number of trials marked."""
        ...

    def load_trials(self) -> "pd.DataFrame":
        """Return a row per trial: `TRIAL_COLUMNS`, then a column per metric with its last value.

        Metric columns carry the metric's own name (``probe/top1``); a metric that a trial lacks is NaN.
        ``run_id`` is the store's identifier of the run; ``params`` and ``tags`` are the mappings of `TrialRecord`, with
        the tags of `Outcome`. Rows are ordered by trial key.
        """
        ...

    def load_history(self, trial_keys: Collection[str], part: HistoryPart) -> "pd.DataFrame":
        """Return a part of the histories of trials in long form, with the columns of `HISTORY_COLUMNS`.

        ``trial_key`` and ``name`` are categoricals, ``epoch`` and ``step`` integers, ``value`` a float and ``counts``
        an array of integers. Rows come in the order of ``trial_keys``, within a trial as they were recorded. A trial
        that is unknown, or has nothing of that part, has no rows; a damaged record gives a warning.

        Args:
            trial_keys: Keys of the trials.
            part: The part. A running trial has its metrics so far; a store may have the other parts only after its end.
        """
        ...


class NullTracker:
    """Records nothing; the cost of tracking is measured against it."""

    def open_study(self, study: StudyRecord) -> None:
        """Ignore the study."""

    def has_study(self, study: str) -> bool:  # noqa: ARG002
        """Return False: nothing was ever opened."""
        return False

    def open_trial(self, trial: TrialRecord) -> None:
        """Ignore the trial."""

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochRecord]) -> None:
        """Ignore the epochs."""

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Ignore the outcome."""

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochRecord], outcome: Outcome) -> None:
        """Ignore the trial."""

    def close_study(self, study: str, *, description: str, artifacts: Path | None, complete: bool) -> None:
        """Ignore the end of the study."""

    def reconcile(self) -> int:
        """Return 0, because nothing was ever running."""
        return 0

    def load_trials(self) -> "pd.DataFrame":
        """Return an empty frame."""
        return trials_frame([])

    def load_history(self, trial_keys: Collection[str], part: HistoryPart) -> "pd.DataFrame":  # noqa: ARG002
        """Return an empty frame."""
        from ftlab.tracking.score_history import history_frame

        return history_frame({}, part)
