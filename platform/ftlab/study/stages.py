"""Stage trees: trials that agree up to an epoch train it once, and fork from its checkpoint.

The tree is that of Hippo (arXiv 2006.11972), but found by names instead of declared schedules: two trials share their
state after epoch e if `prefix_key` gives it the same name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ftlab.study.spec import Trial


@dataclass(frozen=True)
class Stage:
    """The part of a trial that it trains itself.

    Attributes:
        trial: The trial.
        start_epoch: Epoch of the checkpoint that it starts from; the stage ends with the trial.
        parent: Key of the trial that will leave that checkpoint; None if it exists, or if the start is 0.
        saved_epochs: Epochs that it would also have to train if trials shared nothing.
        fork_epochs: Epochs after which other trials fork from this one.
    """

    trial: Trial
    start_epoch: int
    parent: str | None = None
    saved_epochs: int = 0
    fork_epochs: frozenset[int] = frozenset()

    @property
    def epochs(self) -> int:
        """Number of epochs that it trains."""
        return self.trial.epochs - self.start_epoch


def plan_stages(
    trials: Sequence[Trial], there: Set[str], promised: Mapping[str, str] | None = None, *, share: bool = True
) -> dict[str, Stage]:
    """Assign every common prefix to one trial, so that the total number of epochs is the least possible.

    Args:
        trials: The trials to train.
        there: Names of the checkpoints that exist.
        promised: Names of checkpoints that trials under way will leave, with the keys of these trials.
        share: Whether trials share prefixes; without it each trains all epochs after its own checkpoints.

    Returns:
        A stage per trial by trial key, in the order of the trials.
    """
    if not share:
        return {trial.key: Stage(trial, trial.deepest(there, share=False)) for trial in trials}
    producers = dict(promised or {})
    stages: dict[str, Stage] = {}
    forks: dict[str, set[int]] = {}
    num_sharing = Counter(key for trial in trials for key in trial.prefix_keys)
    # The trial that shares the deepest prefix takes the trunk, so that all others fork from epochs of it.
    for trial in sorted(trials, key=lambda trial: -sum(num_sharing[key] > 1 for key in trial.prefix_keys)):
        start, fork = trial.deepest(there, share=True), trial.deepest(producers.keys(), share=True)
        parent = producers[trial.prefix_keys[fork - 1]] if fork > start else None
        saved = max(fork - start, 0)
        if parent is not None:
            forks.setdefault(parent, set()).add(fork)
        start += saved
        stages[trial.key] = Stage(trial, start, parent, saved)
        producers.update(dict.fromkeys(trial.prefix_keys[start:], trial.key))
    return {trial.key: replace(stages[trial.key], fork_epochs=frozenset(forks.get(trial.key, ()))) for trial in trials}


def by_urgency(stages: Mapping[str, Stage]) -> list[Stage]:
    """Return stages in the order in which free workers should take them: the longest path to the end first.

    The path of a trunk includes the branches after it. Among equally long paths the stage that more others wait for
    comes first, then the order of the stages decides.
    """
    children: dict[str, list[Stage]] = {}
    for stage in stages.values():
        if stage.parent is not None:
            children.setdefault(stage.parent, []).append(stage)
    ways: dict[str, tuple[int, int]] = {}

    def way(stage: Stage) -> tuple[int, int]:
        if stage.trial.key not in ways:
            behind = [(fork.start_epoch - stage.start_epoch, *way(fork)) for fork in children.get(stage.trial.key, ())]
            longest = max([stage.epochs, *(before + length for before, length, _ in behind)])
            ways[stage.trial.key] = longest, sum(1 + waiting for _, _, waiting in behind)
        return ways[stage.trial.key]

    return sorted(stages.values(), key=way, reverse=True)
