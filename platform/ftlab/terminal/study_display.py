"""The display of a running study: a live table on a terminal, a line per trial elsewhere."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ftlab.contrast.score_statistics import AFTER_FT
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

MAX_ENDED_ROWS = 8
KNN = "knn/top1"  # the only probe that is taken during training
EPOCH_METRICS = ("pretrain/loss", "scores/", "features/", "knn/", "probe/")


class Workload(Protocol):
    """The training that a study has left to do, as far as it is known beforehand."""

    @property
    def metric(self) -> str:
        """Metric whose value is shown."""
        ...

    @property
    def num_todo(self) -> int:
        """Number of trials."""
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
class _Row:
    trial: Trial
    state: str = "starting"
    epoch: int = 0
    loss: float | None = None
    knn: float | None = None
    value: float | None = None


class StudyDisplay:
    """The listener that shows a running study.

    Args:
        console: Console to print on.
        work: The training to be done.
        every_epoch: Whether every epoch gets a line of its own, or only the first.
    """

    def __init__(self, console: Console, work: Workload, *, every_epoch: bool = False) -> None:
        self._console = console
        self._metric = work.metric
        self._num_trials = work.num_todo
        self._epochs_left = work.epochs_left
        self._start_epochs = work.start_epochs
        self._epochs_counted = work.epochs_counted
        self._every_epoch = every_epoch
        self._rows: dict[str, _Row] = {}
        self._num_ended = 0
        self._started = time.monotonic()
        self._first_epoch: float | None = None
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=2, transient=True)

    def __enter__(self) -> "StudyDisplay":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def trial_started(self, trial: Trial) -> None:
        """Show a trial as starting."""
        if trial.key not in self._rows:
            self._rows[trial.key] = _Row(trial)
            self._epochs_left += trial.epochs - self._epochs_counted(trial)
        self._rows[trial.key].state = "starting"

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Show a trial's latest epoch."""
        row = self._rows[trial.key]
        self._epochs_left -= sum(epoch.epoch > max(row.epoch, self._start_epochs.get(trial.key, 0)) for epoch in epochs)
        row.state = "training"
        for epoch in epochs:
            row.epoch = max(row.epoch, epoch.epoch)
            row.loss = epoch.metrics["pretrain/loss"]
            row.knn = epoch.metrics.get(KNN, row.knn)
            row.value = epoch.metrics.get(self._metric, row.value)
        if self._every_epoch:
            for epoch in epochs:
                self._print(_epoch_line(epoch, trial.config.train.epochs))
        elif self._first_epoch is None:
            seconds = time.monotonic() - self._started
            loss = epochs[0].metrics["pretrain/loss"]
            self._print(f"first epoch after {seconds:.0f} s: {trial.name}, loss {loss:.3f}")
        self._first_epoch = self._first_epoch or time.monotonic()

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Print how a trial ended."""
        row = self._rows[trial.key]
        row.state = outcome.status.value
        self._num_ended += outcome.status is not TrialStatus.INTERRUPTED
        if not outcome.status.is_result:
            # The epochs after a stop or a failure are not trained by this study.
            self._epochs_left -= trial.config.train.epochs - max(row.epoch, self._start_epochs.get(trial.key, 0))
        value = f"{self._metric} {row.value:.1f}" if row.value is not None else f"epoch {row.epoch}"
        reason = f" ({outcome.reason})" if outcome.reason else ""
        self._print(
            f"[{self._num_ended}/{self._num_known}] {trial.name}: {outcome.status.value}, {value}{reason}"
            f"{self._time_left()}"
        )

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _time_left(self) -> str:
        if self._first_epoch is None or self._epochs_left <= 0:
            return ""
        total = self._total_epochs
        done = total - self._epochs_left
        elapsed = time.monotonic() - self._started
        return f", about {format_seconds(elapsed * self._epochs_left / max(done, 1))} left"

    @property
    def _num_known(self) -> int:
        # A feed may give more trials than were planned.
        return max(self._num_trials, len(self._rows))

    @property
    def _total_epochs(self) -> int:
        trained = sum(max(0, row.epoch - self._start_epochs.get(key, 0)) for key, row in self._rows.items())
        return trained + self._epochs_left

    def _table(self) -> Table:
        title = f"{self._num_ended} of {self._num_known} trials{self._time_left()}"
        own = () if self._metric == KNN else (metric_label(self._metric),)
        table = Table("cell", "seed", "epoch", "loss", metric_label(KNN), *own, "state", title=title)
        ended = [row for row in self._rows.values() if row.state not in ("starting", "training")]
        running = [row for row in self._rows.values() if row.state in ("starting", "training")]
        for row in [*ended[-MAX_ENDED_ROWS:], *running]:
            table.add_row(
                row.trial.cell,
                str(row.trial.config.seed),
                f"{row.epoch}/{row.trial.config.train.epochs}",
                "" if row.loss is None else f"{row.loss:.3f}",
                "" if row.knn is None else f"{row.knn:.1f}",
                *(("at the end" if row.value is None else f"{row.value:.1f}",) if own else ()),
                row.state,
            )
        return table


def _epoch_line(epoch: EpochResult, epochs: int) -> str:
    shown = (name for name in epoch.metrics if name.startswith(EPOCH_METRICS))
    values = ", ".join(f"{name} {epoch.metrics[name]:.3f}" for name in shown if not name.endswith(AFTER_FT))
    return f"epoch {epoch.epoch}/{epochs}: {values}, {epoch.metrics['epoch_seconds']:.2f} s"


def format_seconds(seconds: float) -> str:
    """Return a duration in units that people read.

    >>> [format_seconds(seconds) for seconds in (8.2, 190, 9000)]
    ['8 s', '3 min 10 s', '2 h 30 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
