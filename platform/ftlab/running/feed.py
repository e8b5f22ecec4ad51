"""The contract of a feed, which decides the trial that a free worker gets next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome
from ftlab.training.epoch_result import EpochResult


@dataclass(frozen=True)
class Assignment:
    """A trial, with the orders to its worker.

    Attributes:
        trial: The trial to train.
        fork_epochs: Epochs after which other trials will continue from this trial's checkpoint.
        share: Whether it may start from checkpoints of other trials with the same prefix.
        alone: Whether nothing else may run on its device or node, because it ran out of memory beside other trials.
        may_stop: Whether early stopping may end it; it may not end trials that others are compared with.
    """

    trial: Trial
    fork_epochs: frozenset[int] = frozenset()
    share: bool = True
    alone: bool = False
    may_stop: bool = True

    def __repr__(self) -> str:
        # Tune spells out the config of a trial for a debug message at each of its results.
        return f"Assignment({self.trial.key!r})"

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        # It is immutable, and Tune would copy it, with the config of its trial, several times.
        return self


class TrialFeed(Protocol):
    """The source of a study's trials. It is told how they go, so that the next trial may depend on the results."""

    @property
    def is_exhausted(self) -> bool:
        """Return whether `next_assignment` will never return a trial again."""
        ...

    def next_assignment(self) -> Assignment | None:
        """Return the trial that a free worker should train now; None if none is ready yet."""
        ...

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Take note that a trial that was handed out reached these epochs; their due checkpoints are written."""
        ...

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Take note that a trial that was handed out ended, with any outcome."""
        ...
