"""Records of a study, its trials and their epochs, as every tracking store takes and returns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


FINGERPRINT_TAG = "data.fingerprint"  # on every trial: digest of the images
TASK_TAG = "evaluation.task"  # on what was judged and not trained: name of the other images


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

    @property
    def cell(self) -> str:
        """Name of its row: its own name without the seed."""
        return self.name.removesuffix(f" seed {self.seed}")


class HistoryPart(StrEnum):
    """The parts of a history that `Tracker.load_histories` can return; the fields of `EpochResult`."""

    METRICS = "metrics"
    HISTOGRAMS = "histograms"
    STEPS = "steps"
    GRADIENT_NORMS = "gradient_norms"
    RIGHT = "right"


UNREADABLE = "unreadable"  # attribute of a history's frame: keys of the trials whose records cannot be read now

HISTORY_COLUMNS: Mapping[HistoryPart, tuple[str, ...]] = {
    HistoryPart.METRICS: ("trial_key", "epoch", "name", "value"),
    HistoryPart.HISTOGRAMS: ("trial_key", "epoch", "name", "counts", "low", "high"),
    HistoryPart.STEPS: ("trial_key", "epoch", "step", "name", "value"),
    HistoryPart.GRADIENT_NORMS: ("trial_key", "epoch", "name", "value"),
    HistoryPart.RIGHT: ("trial_key", "epoch", "name", "counts"),
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


def without_evaluations(trials: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of `Tracker.load_trials` that are trainings, not evaluations of them on other images."""
    return trials.loc[[TASK_TAG not in tags for tags in trials["tags"]]]


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
