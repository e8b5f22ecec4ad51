"""Stage trees: trials that agree up to an epoch train it once, and fork from its checkpoint.

The tree is that of Hippo (arXiv 2006.11972), but found by names instead of declared schedules: two trials share their
state after epoch e if `prefix_key` gives it the same name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from ftlab.study.spec import Trial

# The state of a trial after an epoch, as the digest of its span and the epoch: two trials with the same one share it.
State = tuple[str, int]


@dataclass(frozen=True)
class Stage:
    """The part of a trial that it trains itself.

    Attributes:
        trial: The trial.
        start_epoch: Epoch of the checkpoint that it starts from; the stage ends with the trial.
        parent: Key of the trial that will leave that checkpoint; None if it exists, or if the start is 0.
        saved_epochs: Epochs that it would also have to train if trials shared nothing.
        fork_epochs: Epochs after which other trials fork from this one.
        is_evaluation: Whether its pretraining is kept and only judged anew; it starts, and ends, after the last epoch.
    """

    trial: Trial
    start_epoch: int
    parent: str | None = None
    saved_epochs: int = 0
    fork_epochs: frozenset[int] = frozenset()
    is_evaluation: bool = False

    @property
    def epochs(self) -> int:
        """Number of epochs that it trains."""
        return self.trial.epochs - self.start_epoch


def plan_stages(
    trials: Sequence[Trial],
    there: Set[str],
    promised: Mapping[str, str] | None = None,
    *,
    share: bool = True,
    kept: Set[str] = frozenset(),
) -> dict[str, Stage]:
    """Assign every common prefix to one trial, so that the total number of epochs is the least possible.

    Args:
        trials: The trials to train.
        there: Names of the checkpoints that exist.
        promised: Names of checkpoints that trials under way will leave, with the keys of these trials.
        share: Whether trials share prefixes; without it each trains all epochs after its own checkpoints.
        kept: Keys of the pretrainings whose backbones are kept; their trials train nothing, if trials share.

    Returns:
        A stage per trial by trial key, in the order of the trials.
    """
    if not share:
        return {trial.key: Stage(trial, trial.deepest(there, share=False)) for trial in trials}
    judged = {trial.key: _evaluation(trial) for trial in trials if kept and trial.pretraining_key in kept}
    trained = [trial for trial in trials if trial.key not in judged]
    stages = judged | _training_stages(trained, there, promised or {})
    return {trial.key: stages[trial.key] for trial in trials}


def _evaluation(trial: Trial) -> Stage:
    return Stage(trial, trial.epochs, is_evaluation=True)


def _training_stages(trials: Sequence[Trial], there: Set[str], promised: Mapping[str, str]) -> dict[str, Stage]:
    shared = _shared_states(trials)
    producers: dict[State, str] = {}
    stages: dict[str, Stage] = {}
    forks: dict[str, set[int]] = {}
    num_sharing = Counter(chain.from_iterable(shared.values()))
    # The trial that shares the deepest prefix takes the trunk, so that all others fork from epochs of it.
    for trial in sorted(trials, key=lambda trial: -sum(num_sharing[state] > 1 for state in shared[trial.key])):
        start = trial.deepest(there, share=True)
        fork, parent = _deepest(shared[trial.key], producers)
        if (other := trial.deepest(promised.keys(), share=True)) > fork:
            fork, parent = other, promised[trial.prefix_keys[other - 1]]
        if fork <= start:
            parent = None
        saved = max(fork - start, 0)
        if parent is not None:
            forks.setdefault(parent, set()).add(fork)
        start += saved
        stages[trial.key] = Stage(trial, start, parent, saved)
        producers.update((state, trial.key) for state in shared[trial.key] if state[1] > start)
    return stages | {
        key: replace(stages[key], fork_epochs=frozenset(forks[key])) for key in forks.keys() & stages.keys()
    }


def _shared_states(trials: Sequence[Trial]) -> dict[str, list[State]]:
    """Return the states that a trial may share with another, by trial key and in order: few trials have many."""
    owners = Counter(span for trial in trials for span, _ in trial.prefix_spans)
    return {
        trial.key: [(span, epoch) for span, epochs in trial.prefix_spans if owners[span] > 1 for epoch in epochs]
        for trial in trials
    }


def _deepest(states: Sequence[State], producers: Mapping[State, str]) -> tuple[int, str | None]:
    state = next((state for state in reversed(states) if state in producers), None)
    return (state[1], producers[state]) if state else (0, None)


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
