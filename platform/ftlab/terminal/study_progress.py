"""The progress of a running study: its trials, its epochs, the time that is left, and the best cell so far."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple, Protocol

from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

KNN = "knn/top1"  # the only probe that is taken during training
STARTING, TRAINING = "starting", "training"

# The forecast of a whole study weighs as much as this part of its epochs: the pace of the first ones is uneven.
FORECAST_WEIGHT = 0.1


class Workload(Protocol):
    """The training that a study has left to do, as far as it is known beforehand."""

    @property
    def metric(self) -> str:
        """Metric whose value is shown; higher is better."""
        ...

    @property
    def num_todo(self) -> int:
        """Number of trials."""
        ...

    @property
    def num_done(self) -> int:
        """Number of the study's trials that need no training."""
        ...

    @property
    def epochs_left(self) -> int:
        """Epochs to train."""
        ...

    def epochs_counted(self, trial: Trial) -> int:
        """Return the number of epochs that ``epochs_left`` assumes for a trial."""
        ...

    @property
    def start_epochs(self) -> Mapping[str, int]:
        """Epoch that each trial starts from, by trial key; a trial that is missing starts from 0."""
        ...


@dataclass
class TrialProgress:
    """The progress of one trial.

    Attributes:
        trial: The trial.
        start_epoch: Epoch of the checkpoint that it starts from.
        epoch: Epochs that it has behind it, those of its checkpoint among them.
        state: ``starting``, ``training``, or how it ended.
        loss: Latest loss.
        knn: Latest kNN accuracy in percent.
        value: Latest value of the table's metric.
    """

    trial: Trial
    start_epoch: int = 0
    epoch: int = 0
    state: str = STARTING
    loss: float | None = None
    knn: float | None = None
    value: float | None = None

    @property
    def is_running(self) -> bool:
        """Return whether it has not ended."""
        return self.state in (STARTING, TRAINING)


class Best(NamedTuple):
    """The best cell so far.

    Attributes:
        cell: Its name.
        metric: The metric by which it is the best.
        mean: Mean of its trials.
        num_trials: Number of them.
    """

    cell: str
    metric: str
    mean: float
    num_trials: int


class StudyProgress:
    """Counts what a running study has behind and before it; another thread may read while one enters events.

    Args:
        work: The training to be done.
        forecast: Estimated seconds of all of it; None without an estimate.
        known: Values of the table's metric of trials that were recorded before, by cell.
        clock: Returns seconds.
    """

    def __init__(
        self,
        work: Workload,
        forecast: float | None = None,
        known: Mapping[str, Sequence[float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metric = work.metric
        self.trials: dict[str, TrialProgress] = {}
        self.num_done = work.num_done
        self._work = work
        self._forecast = forecast
        self._known = known or {}
        self._clock = clock
        self._started = clock()
        self._first: tuple[float, int] | None = None
        self._epochs_left = work.epochs_left

    def started(self, trial: Trial) -> None:
        """Enter a trial, or that it is tried again."""
        if trial.key not in self.trials:
            start = self._work.start_epochs.get(trial.key, 0)
            self.trials[trial.key] = TrialProgress(trial, start, start)
            self._epochs_left += trial.epochs - self._work.epochs_counted(trial)
        self.trials[trial.key].state = STARTING

    def trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> bool:
        """Enter epochs of a trial, in order; return whether they are the first of the study."""
        row = self.trials[trial.key]
        self._epochs_left -= sum(epoch.epoch > row.epoch for epoch in epochs)
        row.state = TRAINING
        for epoch in epochs:
            row.epoch = max(row.epoch, epoch.epoch)
            row.loss = epoch.metrics["pretrain/loss"]
            row.knn = epoch.metrics.get(KNN, row.knn)
            row.value = epoch.metrics.get(self.metric, row.value)
        is_first = self._first is None
        if is_first:
            self._first = self._clock(), self._epochs_trained
        return is_first

    def ended(self, trial: Trial, outcome: Outcome) -> None:
        """Enter the outcome of a trial."""
        row = self.trials[trial.key]
        row.state = outcome.status.value
        self.num_done += outcome.status is not TrialStatus.INTERRUPTED
        if not outcome.status.is_result:
            # The epochs after a stop or a failure are not trained by this study.
            self._epochs_left -= trial.epochs - row.epoch

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._started

    @property
    def has_trained(self) -> bool:
        """Return whether there was an epoch."""
        return self._first is not None

    @property
    def num_running(self) -> int:
        """Number of trials that began and did not end."""
        return sum(row.is_running for row in list(self.trials.values()))

    @property
    def num_trials(self) -> int:
        """Number of the study's trials, as far as it is known: a feed may give more than were planned."""
        return self._work.num_done + max(self._work.num_todo, len(self.trials))

    @property
    def trials_behind(self) -> float:
        """Number of trials that are done, with the trained part of those that run."""
        return self.num_done + sum(
            row.epoch / row.trial.epochs for row in list(self.trials.values()) if row.is_running and row.trial.epochs
        )

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all epochs are trained: from the forecast at first, then more and more from the pace.

        None if nothing is left, or if nothing is known yet.
        """
        trained, left = self._epochs_trained, self._epochs_left
        if left <= 0:
            return None
        if self._first is None:
            return self._forecast
        total = trained + left
        first_time, first_epochs = self._first
        seconds, part = self._clock() - first_time, (trained - first_epochs) / total
        if self._forecast is not None:
            whole = (FORECAST_WEIGHT * self._forecast + seconds) / (FORECAST_WEIGHT + part)
        else:
            whole = seconds / part if part else self.elapsed * total / max(trained, 1)
        return whole * left / total

    @property
    def best(self) -> Best | None:
        """The best cell by the mean of the table's metric over its trials; by kNN until a trial has that metric."""
        rows = list(self.trials.values())
        found = {cell: list(values) for cell, values in self._known.items() if values}
        for row in rows:
            if row.value is not None:
                found.setdefault(row.trial.cell, []).append(row.value)
        metric = self.metric
        if not found:
            metric = KNN
            for row in rows:
                if row.knn is not None:
                    found.setdefault(row.trial.cell, []).append(row.knn)
        means = {cell: fmean(values) for cell, values in found.items()}
        cell = max(means, key=means.__getitem__, default=None)
        return None if cell is None else Best(cell, metric, means[cell], len(found[cell]))

    @property
    def _epochs_trained(self) -> int:
        return sum(row.epoch - row.start_epoch for row in list(self.trials.values()))
