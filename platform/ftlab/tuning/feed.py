"""Which trial a free worker gets next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ftlab.tracking.tracker import EpochRecord, Outcome
from ftlab.tuning.spec import Trial


@dataclass(frozen=True)
class Assignment:
    """A trial as it is handed to a worker.

    Attributes:
        trial: What is trained.
        fork_epochs: Epochs after which other trials will continue from this one's checkpoint.
        share: Whether checkpoints of other trials with the same prefix serve.
        alone: Whether nothing else may run on its device or node, because it ran out of memory in company.
        may_stop: Whether early stopping may end it; it may not end what others are compared with.
    """

    trial: Trial
    fork_epochs: frozenset[int] = frozenset()
    share: bool = True
    alone: bool = False
    may_stop: bool = True

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        # It cannot be changed; Tune would copy it, with the config of its trial, several times.
        return self


class TrialFeed(Protocol):
    """The source of a study's trials. It hears how they go, so that what comes next may depend on it."""

    @property
    def is_exhausted(self) -> bool:
        """Whether `next_assignment` will never return a trial again."""
        ...

    def next_assignment(self) -> Assignment | None:
        """Return what a free worker should train now; None when nothing is ready yet."""
        ...

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """A trial that was handed out reached these epochs; their due checkpoints are written."""
        ...

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """A trial that was handed out came to its end, whatever it was."""
        ...
