"""The plan of a study: its trials that are reused, resumed, forked or new."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftlab.study.spec import StudySpec, Trial
from ftlab.study.stages import Stage, plan_stages
from ftlab.tracking.records import TrialStatus

if TYPE_CHECKING:
    import pandas as pd

# Tag of a recorded trial: the key of its pretraining.
PRETRAINING_KEY_TAG = "key.pretraining"
# Prefix of the reason of a failure that would repeat itself: it is a result, not an accident, and is not retried.
DIVERGED = "diverged: "


@dataclass(frozen=True)
class Plan:
    """The trials of a study, divided into recorded ones and ones to train.

    Attributes:
        study: The study.
        trials: All its trials.
        reused: Trials that are recorded already, by this experiment or another.
        todo: Trials to train, in order.
        stages: The part that each trial to train trains itself, by trial key.
        share: Whether trials share prefixes.
        data_notes: Lines that say which files of the data's folder are not part of it.
        pretrained: Keys of trials to train whose pretraining was recorded before, but whose backbone is not kept.
    """

    study: StudySpec
    trials: tuple[Trial, ...]
    reused: tuple[Trial, ...]
    todo: tuple[Trial, ...]
    stages: Mapping[str, Stage]
    share: bool
    data_notes: tuple[str, ...] = ()
    pretrained: frozenset[str] = frozenset()

    @property
    def start_epochs(self) -> dict[str, int]:
        """Epoch that each trial to train starts from, by trial key; 0 for a new one."""
        return {key: stage.start_epoch for key, stage in self.stages.items()}

    @property
    def resumable(self) -> tuple[Trial, ...]:
        """Trials to train that start from an existing checkpoint."""
        return tuple(
            stage.trial
            for stage in self.stages.values()
            if stage.start_epoch and stage.parent is None and not stage.is_evaluation
        )

    @property
    def evaluations(self) -> tuple[Trial, ...]:
        """Trials whose kept backbones are judged anew, without training."""
        return tuple(stage.trial for stage in self.stages.values() if stage.is_evaluation)

    @property
    def forked(self) -> tuple[Trial, ...]:
        """Trials to train that start from a checkpoint that another trial of the plan will leave."""
        return tuple(stage.trial for stage in self.stages.values() if stage.parent is not None)

    @property
    def metric(self) -> str:
        """Metric of the table."""
        return self.study.metric

    @property
    def num_todo(self) -> int:
        """Number of trials to train."""
        return len(self.todo)

    @property
    def num_done(self) -> int:
        """Number of trials that need no training."""
        return len(self.reused)

    @property
    def epochs_left(self) -> int:
        """Epochs to train."""
        return sum(stage.epochs for stage in self.stages.values())

    def epochs_counted(self, trial: Trial) -> int:
        """Return the number of epochs that ``epochs_left`` assumes for a trial: its own length."""
        return trial.epochs

    @property
    def epochs_saved(self) -> int:
        """Epochs that forked trials need not train."""
        return sum(stage.saved_epochs for stage in self.stages.values())

    @property
    def epochs_spared(self) -> int:
        """Epochs of all trials that need no training: of recorded trials, checkpoints and shared prefixes."""
        return sum(trial.epochs for trial in self.trials) - self.epochs_left


def make_plan(
    study: StudySpec,
    trials: Sequence[Trial],
    recorded: "pd.DataFrame",
    there: Set[str],
    *,
    share: bool = True,
    kept: Set[str] = frozenset(),
) -> Plan:
    """Plan a study from the recorded trials and the existing checkpoints.

    Args:
        study: The study.
        trials: All its trials.
        recorded: A row per recorded trial, see `ftlab.tracking.tracker.Tracker.load_trials`.
        there: Names of the checkpoints that exist.
        share: Whether trials share prefixes.
        kept: Keys of the pretrainings whose backbones are kept.
    """
    settled = settled_keys(recorded)
    todo = tuple(trial for trial in trials if trial.key not in settled)
    return Plan(
        study=study,
        trials=tuple(trials),
        reused=tuple(trial for trial in trials if trial.key in settled),
        todo=todo,
        stages=plan_stages(todo, there, share=share, kept=kept),
        share=share,
        pretrained=_pretrained(todo, recorded, kept),
    )


def _pretrained(todo: Sequence[Trial], recorded: "pd.DataFrame", kept: Set[str]) -> frozenset[str]:
    rows = zip(recorded["tags"], recorded["status"], recorded["reason"], strict=True)
    known = {tags.get(PRETRAINING_KEY_TAG) for tags, status, reason in rows if is_settled(status, reason)}
    lost = known - kept - {None}
    return frozenset(trial.key for trial in todo if trial.pretraining_key in lost) if lost else frozenset()


def settled_keys(recorded: "pd.DataFrame") -> set[str]:
    """Return the keys of recorded trials that need no more training: finished, collapsed or diverged."""
    rows = zip(recorded["trial_key"], recorded["status"], recorded["reason"], strict=True)
    return {key for key, status, reason in rows if is_settled(status, reason)}


def is_settled(status: str, reason: str) -> bool:
    """Return whether a trial of that status needs no more training; the next command retries an accident."""
    if status == TrialStatus.FAILED:
        return reason.startswith(DIVERGED)
    return status in (TrialStatus.FINISHED, TrialStatus.COLLAPSED)
