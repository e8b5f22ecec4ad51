"""Listeners that keep the checkpoints and claims of trials under way, and release those that no trial needs."""

from collections.abc import Sequence

from ftlab.running.checkpoints import CheckpointCollector
from ftlab.running.claims import TrialClaims
from ftlab.study.plan import is_settled
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult


class Housekeeper:
    """The listener that releases a trial's claim when it ends, and the checkpoints that no trial needs.

    Args:
        claims: Claims of this process; the trial's end must be in the journal already.
        collector: Checkpoints of the study.
    """

    def __init__(self, claims: TrialClaims, collector: CheckpointCollector) -> None:
        self._claims = claims
        self._collector = collector

    def trial_started(self, trial: Trial) -> None:
        """Ignore the event: everything is kept."""

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Ignore the event: everything is kept."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Release the claim, and the checkpoints of a trial that needs no more training."""
        self._claims.release(trial.key)
        if is_settled(outcome.status, outcome.reason):
            self._collector.release(trial)


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

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
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
