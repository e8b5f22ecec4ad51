"""The feed of a sweep with SEEDS=auto: the first seeds of every cell, then seeds where they matter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ftlab.running.feed import Assignment, TrialFeed
from ftlab.seeding.allocation import Allocation, allocate
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.progress import SeedLedger
from ftlab.study.spec import StudySpec, Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    import pandas as pd


class GrowingFeed(TrialFeed, Protocol):
    """A feed that takes further trials while the study runs.

    Attributes:
        elsewhere: Trials that it leaves to other processes.
    """

    elsewhere: list[Trial]

    def add(self, trials: Sequence[Trial]) -> None:
        """Add trials, to be handed out after the present ones."""
        ...


class SeedFeed:
    """Adds trials to another feed when a worker needs them, and no earlier.

    The first seeds that are not settled are added at once. Whenever a worker is free and no trial waits, the rule is
    applied to all results so far and the trials that still run; workers never wait for each other.

    Args:
        inner: The feed that hands the trials out; empty.
        study: The study.
        fingerprint: Digest of the data's content.
        recorded: The trials in the tracking store; settled trials of the study count as results.
        auto: The rule and the trials that the table may hold.

    Raises:
        ConfigError: The study has no baseline, or ``max_trials`` does not hold the first seeds of every cell.
    """

    def __init__(
        self,
        inner: GrowingFeed,
        study: StudySpec,
        fingerprint: str,
        recorded: "pd.DataFrame",
        auto: AutoSeeds,
    ) -> None:
        self._inner = inner
        self._baselines = study.baselines
        self._auto = auto
        self._ledger = SeedLedger(study, fingerprint, auto.rule)
        self._metrics: dict[str, dict[str, float]] = {}
        self._waiting: set[str] = set()
        self._ledger.read(recorded, with_accidents=False)
        auto.check_study(study)
        auto.check(self._ledger.num_first)
        self._add(self._ledger.first_missing)

    @property
    def allocation(self) -> Allocation:
        """The standings of the cells now, and the trials to train next."""
        return allocate(
            self._ledger.cells(), self._baselines, self._auto.rule, self._auto.trials_left(self._ledger.num_trials)
        )

    @property
    def elsewhere(self) -> list[Trial]:
        """Trials that another process trains."""
        return self._inner.elsewhere

    @property
    def is_exhausted(self) -> bool:
        """Return whether no trial waits or runs and the rule asks for none; a running trial may still open a cell."""
        if self._ledger.num_pending or not self._inner.is_exhausted:
            return False
        return not self.allocation.batch

    def next_assignment(self) -> Assignment | None:
        """Return the trial that a free worker should train now; apply the rule if no trial waits."""
        assignment = self._inner.next_assignment()
        self._leave_to_others()
        if assignment is None and not self._waiting:
            self._add([self._ledger.trial(cell, seed) for cell, seed in self.allocation.batch])
            assignment = self._inner.next_assignment()
            self._leave_to_others()
        if assignment is not None:
            self._waiting.discard(assignment.trial.key)
            self._ledger.start(assignment.trial.key)
        return assignment

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Remember the last value of each metric."""
        for epoch in epochs:
            self._metrics.setdefault(trial.key, {}).update(epoch.metrics)
        self._inner.epochs_trained(trial, epochs)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Enter the trial's value; a trial that failed or was interrupted has none."""
        self._ledger.end(trial.key, outcome, self._metrics.pop(trial.key, {}))
        self._inner.trial_ended(trial, outcome)

    def _leave_to_others(self) -> None:
        """Go on without the trials that other processes train; the next command or feed finds them recorded."""
        for trial in self._inner.elsewhere:
            if trial.key in self._waiting:
                self._waiting.discard(trial.key)
                self._ledger.end(trial.key, Outcome(TrialStatus.INTERRUPTED), {})

    def _add(self, trials: Sequence[Trial]) -> None:
        by_key = {trial.key: trial for trial in trials}
        for key in by_key:
            self._ledger.start(key)
        self._waiting |= set(by_key)
        if by_key:
            self._inner.add(list(by_key.values()))
