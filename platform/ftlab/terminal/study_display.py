"""The display of a running study: a live view on a terminal, a line per trial elsewhere."""

from collections.abc import Mapping, Sequence
from threading import Thread
from types import TracebackType

from rich.console import Console
from rich.live import Live

from ftlab.contrast.score_statistics import AFTER_FT, SCORE_STATISTICS
from ftlab.reporting.printed.metric_labels import METRIC_LABELS, metric_value
from ftlab.study.spec import Trial
from ftlab.terminal.console import print_line
from ftlab.terminal.durations import format_seconds
from ftlab.terminal.live_view import LiveView
from ftlab.terminal.phase import FRAMES_PER_SECOND
from ftlab.terminal.study_progress import StudyProgress, Workload
from ftlab.tracking.records import Outcome
from ftlab.training.epoch_result import EpochResult

EPOCH_METRICS = ("pretrain/loss", "scores/", "features/", "knn/", "probe/")
LABELS = {"pretrain/loss": "loss", **{statistic.name: statistic.label for statistic in SCORE_STATISTICS}}


class StudyDisplay:
    """The listener that shows a running study.

    Args:
        console: Console to print on.
        work: The training to be done.
        forecast: Estimated seconds of all of it; None without an estimate.
        known: Values of the table's metric of trials that were recorded before, by cell.
        every_epoch: Whether every epoch gets a line of its own, or only the first.
    """

    def __init__(
        self,
        console: Console,
        work: Workload,
        *,
        forecast: float | None = None,
        known: Mapping[str, Sequence[float]] | None = None,
        every_epoch: bool = False,
    ) -> None:
        self._console = console
        self._progress = StudyProgress(work, forecast, known)
        self._view = LiveView(self._progress)
        self._every_epoch = every_epoch
        self._live = Live(
            console=console,
            get_renderable=lambda: self._view.render(console.width),
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
        )

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
        self._progress.started(trial)

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Show a trial's latest epoch."""
        is_first = self._progress.trained(trial, epochs)
        if self._every_epoch:
            for epoch in epochs:
                self._print(_epoch_line(epoch, trial.epochs))
        elif is_first:
            loss = epochs[0].metrics["pretrain/loss"]
            self._print(f"first epoch after {self._progress.elapsed:.0f} s: {trial.name}, loss {loss:.3f}")

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Print how a trial ended."""
        progress = self._progress
        progress.ended(trial, outcome)
        row = progress.trials[trial.key]
        value = metric_value(progress.metric, row.value) if row.value is not None else f"epoch {row.epoch}"
        reason = f" ({outcome.reason})" if outcome.reason else ""
        left = progress.seconds_left if progress.has_trained else None
        time_left = "" if left is None else f", about {format_seconds(left)} left"
        self._print(
            f"[{progress.num_done}/{progress.num_trials}] {trial.name}: {outcome.status.value}, "
            f"{value}{reason}{time_left}"
        )

    def stopping(self) -> None:
        """Say that a Ctrl-C was heard; may be called from a signal's handler."""
        self._view.stop()
        number = self._progress.num_running
        trials = f" {number} trial{'s' if number > 1 else ''}" if number else ""
        # The signal may have come while this very thread printed a line.
        Thread(target=self._print, args=(f"Stopping{trials}, then writing the table.",)).start()

    def _print(self, line: str) -> None:
        print_line(self._console, line)


def _epoch_line(epoch: EpochResult, epochs: int) -> str:
    shown = (name for name in epoch.metrics if name.startswith(EPOCH_METRICS) and not name.endswith(AFTER_FT))
    values = ", ".join(_in_words(name, epoch.metrics[name]) for name in shown)
    return f"epoch {epoch.epoch}/{epochs}: {values}, {epoch.metrics['epoch_seconds']:.2f} s"


def _in_words(name: str, value: float) -> str:
    return metric_value(name, value) if name in METRIC_LABELS else f"{LABELS.get(name, name)} {value:.3f}"
