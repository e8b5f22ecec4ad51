"""Protect the checkpoints of a study whose trials are not known beforehand."""

from collections.abc import Sequence

from ftlab.tracking.tracker import EpochRecord, Outcome, TrialStatus
from ftlab.tuning.checkpoints import CheckpointCollector
from ftlab.tuning.spec import Trial


class CheckpointKeeper:
    """The listener that claims the checkpoints of each trial while it is trained.

    Args:
        collector: Holds the study's claim.
    """

    def __init__(self, collector: CheckpointCollector) -> None:
        self._collector = collector
        self._open: dict[str, Trial] = {}

    def trial_started(self, trial: Trial) -> None:
        """Claim the trial's checkpoints."""
        if trial.key not in self._open:
            self._open[trial.key] = trial
            self._claim()

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """Ignore the epochs, which change no claim."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Release the trial's checkpoints, unless it will be resumed."""
        if outcome.status is TrialStatus.INTERRUPTED or trial.key not in self._open:
            return
        if outcome.status is TrialStatus.PRUNED:
            self._collector.release(trial)
        del self._open[trial.key]
        self._claim()

    def _claim(self) -> None:
        self._collector.claim(list(self._open.values()))
