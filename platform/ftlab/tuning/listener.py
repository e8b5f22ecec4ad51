"""What a running study tells those who follow it: the tracker's writer and the display."""

from collections.abc import Sequence
from typing import Protocol

from ftlab.tracking.tracker import EpochRecord, Outcome
from ftlab.tuning.spec import Trial


class StudyListener(Protocol):
    """Hears of every trial of a running study, in the driver's process."""

    def trial_started(self, trial: Trial) -> None:
        """A worker took the trial up, for the first time or again after a failure."""
        ...

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """The trial reached these epochs; those of a restored checkpoint come first and may be known already."""
        ...

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """The trial came to an end or was interrupted."""
        ...
