"""The contract of a listener to a running study, such as the tracker's writer and the display."""

from collections.abc import Sequence
from typing import Protocol

from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome
from ftlab.training.epoch_result import EpochResult


class StudyListener(Protocol):
    """Is told of every trial of a running study, in the driver's process."""

    def trial_started(self, trial: Trial) -> None:
        """Take note that a worker started the trial, for the first time or again after a failure."""
        ...

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Take note that the trial reached these epochs; epochs of a checkpoint come first and may be known already."""
        ...

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Take note that the trial ended or was interrupted."""
        ...
