"""The live view of a running study: a bar for the study and one a trial, the time, and the best cell so far."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ftlab.reporting.printed.metric_labels import metric_label, metric_value
from ftlab.terminal.durations import format_seconds
from ftlab.terminal.fitted_table import GAP, MIN_BAR, Column, Content, FittedTable
from ftlab.terminal.phase import PhaseLine
from ftlab.terminal.study_progress import KNN, STARTING, TRAINING, StudyProgress, TrialProgress

MAX_ENDED_ROWS = 8
BAR_WIDTH = 24
AT_THE_END = "at the end"


class LiveView:
    """Draws the progress of a study for a terminal.

    Args:
        progress: The progress, which goes on meanwhile.
    """

    def __init__(self, progress: StudyProgress) -> None:
        self._progress = progress
        self._beginning = PhaseLine("starting workers")
        self._end: PhaseLine | None = None

    def stop(self) -> None:
        """Show from now on that trials are being stopped."""
        self._end = PhaseLine("stopping")

    def render(self, width: int) -> RenderableType:
        """Return the view as it is now.

        Args:
            width: Characters of a line.
        """
        progress = self._progress
        parts: list[RenderableType] = [self._headline(width)]
        if self._end is not None:
            parts.append(self._end.line())
        elif not progress.has_trained:
            parts.append(self._beginning.line())
        if (best := progress.best) is not None:
            mean = f" (mean of {best.num_trials} seeds)" if best.num_trials > 1 else ""
            parts.append(Text(f"best so far: {metric_value(best.metric, best.mean)}{mean}, {best.cell}"))
        rows = _shown(list(progress.trials.values()))
        if rows:
            parts += ["", FittedTable(_columns(progress.metric), [_row(row, progress) for row in rows], width).render()]
        return Group(*parts)

    def _headline(self, width: int) -> RenderableType:
        progress = self._progress
        times = [format_seconds(progress.elapsed)]
        if (left := progress.seconds_left) is not None and self._end is None:
            times.append(f"about {format_seconds(left)} left")
        done, time = f"{progress.num_done} of {progress.num_trials} done", ", ".join(times)
        if (room := width - len(done) - len(time) - 2 * GAP) < MIN_BAR:
            return Text(f"{done}, {time}")
        line = Table.grid(padding=(0, GAP, 0, 0))
        bar = ProgressBar(progress.num_trials, progress.trials_behind, width=min(room, BAR_WIDTH))
        line.add_row(Text(done), bar, Text(time))
        return line


def _shown(rows: Sequence[TrialProgress]) -> list[TrialProgress]:
    ended = [row for row in rows if not row.is_running]
    return [*ended[-MAX_ENDED_ROWS:], *(row for row in rows if row.is_running)]


def _columns(metric: str) -> list[Column]:
    own = [] if metric == KNN else [Column(metric_label(metric), is_numeric=True, rank=1)]
    return [
        Column("cell"),
        Column("seed", is_numeric=True),
        Column("", rank=4),
        Column("epoch", is_numeric=True),
        Column("loss", is_numeric=True, rank=5),
        Column(metric_label(KNN), is_numeric=True, rank=3),
        *own,
        Column("state", rank=2),
    ]


def _row(row: TrialProgress, progress: StudyProgress) -> list[Content]:
    epochs = row.trial.epochs
    own = [] if progress.metric == KNN else [_value(row)]
    return [
        row.trial.cell,
        str(row.trial.config.seed),
        ProgressBar(epochs, row.epoch, width=BAR_WIDTH // 2),
        f"{row.epoch}/{epochs}",
        "" if row.loss is None else f"{row.loss:.3f}",
        "" if row.knn is None else f"{row.knn:.1f}",
        *own,
        row.state,
    ]


def _value(row: TrialProgress) -> str:
    if row.value is not None:
        return f"{row.value:.1f}"
    return AT_THE_END if row.state in (STARTING, TRAINING) else ""
