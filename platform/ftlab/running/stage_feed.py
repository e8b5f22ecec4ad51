"""The feed of an ablation: trunks before branches, and every trial once."""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from ftlab.running.feed import Assignment
from ftlab.study.spec import Trial
from ftlab.study.stages import Stage, by_urgency, plan_stages
from ftlab.tracking.records import Outcome
from ftlab.training.epoch_result import EpochResult


class StageFeed:
    """Hands out trials in the order of `by_urgency`, each when the checkpoint that it forks from exists.

    If a trunk fails, the remaining trials are planned anew, and one of its branches becomes the trunk.

    Args:
        trials: The trials to train.
        there: Names of the checkpoints that exist.
        share: Whether trials share prefixes; without it each trains all its epochs, in the order given.
        claim: Called with the key of a trial before it is handed out; if it returns False, the trial is left out,
            because another process trains it.
        kept: Keys of the pretrainings whose backbones are kept, so that their trials are only judged.

    Attributes:
        elsewhere: The trials that were left out.
    """

    def __init__(
        self,
        trials: Iterable[Trial] = (),
        there: Iterable[str] = (),
        *,
        share: bool = True,
        claim: Callable[[str], bool] = lambda _: True,
        kept: Iterable[str] = (),
    ) -> None:
        self._kept = set(kept)
        self._share = share
        self._claim = claim
        self.elsewhere: list[Trial] = []
        self._there = set(there)
        self._promised: dict[str, str] = {}
        self._waiting: dict[str, Stage] = {}
        # Stages with their places in the order: a heap, and those that came up before their checkpoint, by its name.
        self._next: list[tuple[int, Stage]] = []
        self._blocked: dict[str, list[tuple[int, Stage]]] = {}
        self.add(trials)

    @property
    def is_exhausted(self) -> bool:
        """Return whether every trial has been handed out."""
        return not self._waiting

    def add(self, trials: Iterable[Trial]) -> None:
        """Add trials; they may fork from waiting trials, and from checkpoints that trials under way will leave."""
        self._plan([*(stage.trial for stage in self._waiting.values()), *trials])

    def next_assignment(self) -> Assignment | None:
        """Return the most urgent trial whose first checkpoint exists."""
        while self._next:
            entry = _, stage = heappop(self._next)
            if stage.parent is not None and (fork := stage.trial.prefix_keys[stage.start_epoch - 1]) not in self._there:
                self._blocked.setdefault(fork, []).append(entry)
                continue
            del self._waiting[stage.trial.key]
            if self._claim(stage.trial.key):
                self._promise(stage)
                return Assignment(stage.trial, stage.fork_epochs, self._share)
            self.elsewhere.append(stage.trial)
            self._plan_anew()
        return None

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Make the branches ready whose forks were reached."""
        for key in (trial.prefix_keys[epoch.epoch - 1] for epoch in epochs):
            if self._promised.get(key) == trial.key:
                del self._promised[key]
                self._there.add(key)
                for entry in self._blocked.pop(key, ()):
                    heappush(self._next, entry)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:  # noqa: ARG002 - any end may break a promise
        """Plan anew if the trial did not reach a fork that others wait for."""
        broken = [key for key, parent in self._promised.items() if parent == trial.key]
        for key in broken:
            del self._promised[key]
        if broken:
            self._plan_anew()

    def _plan_anew(self) -> None:
        # Where no trial forks from another, none does without those that left, and the order stays as it is.
        if self._has_forks:
            self.add(())

    def _plan(self, trials: Sequence[Trial]) -> None:
        stages = by_urgency(plan_stages(trials, self._there, self._promised, share=self._share, kept=self._kept))
        self._waiting = {stage.trial.key: stage for stage in stages}
        self._has_forks = any(stage.parent is not None for stage in stages)
        self._next, self._blocked = list(enumerate(stages)), {}

    def _promise(self, stage: Stage) -> None:
        keys = stage.trial.prefix_keys
        self._promised.update((keys[epoch - 1], stage.trial.key) for epoch in stage.fork_epochs)
