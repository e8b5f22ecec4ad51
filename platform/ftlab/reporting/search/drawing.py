"""Draw the course of a search, the importance of its parameters and its Pareto front, for one column of print."""

from functools import partial
from textwrap import fill

from matplotlib.figure import Figure

from ftlab.reporting.print.print_style import OURS, PAPER, QUIET, print_figure
from ftlab.reporting.printed.metric_labels import metric_label, metric_name
from ftlab.reporting.search.findings import SearchReport

HEIGHT = 6.4
BARS_HEIGHT, BAR_HEIGHT = 2.4, 0.6
LABEL_CHARACTERS = 26
COLORS = {"accuracy": OURS, "cost": PAPER}


def draw_history(report: SearchReport) -> dict[str, bytes]:
    """Return the value of each result and the best so far, as ``png`` and ``pdf``."""
    return print_figure(partial(_fill_history, report), HEIGHT)


def draw_importance(report: SearchReport) -> dict[str, bytes]:
    """Return the importance of the parameters as bars, as ``png`` and ``pdf``."""
    num_bars = max((len(importance.shares) for importance in report.importance), default=0)
    height = len(report.importance) * (BARS_HEIGHT + BAR_HEIGHT * max(num_bars, 3))
    return print_figure(partial(_fill_importance, report), height)


def draw_front(report: SearchReport) -> dict[str, bytes]:
    """Return every result by cost and value, the Pareto front joined, as ``png`` and ``pdf``."""
    return print_figure(partial(_fill_front, report), HEIGHT)


def _fill_history(report: SearchReport, canvas: Figure) -> None:
    axes = canvas.subplots()
    axes.set_xlabel("trial")
    axes.set_ylabel(metric_label(report.metric))
    points = report.history
    stopped = [trial.number for trial in report.trials if trial.status == "pruned"]
    if not points:
        axes.text(0.5, 0.5, "no results yet", transform=axes.transAxes, ha="center")
        return
    numbers = [point.number for point in points]
    axes.step(numbers, [point.best for point in points], where="post", color=OURS, label="best so far")
    axes.plot(numbers, [point.value for point in points], "o", color=OURS, alpha=0.45, markersize=3, label="one trial")
    if stopped:
        foot = axes.get_xaxis_transform()
        by = f" by {metric_name(report.stopped_by)}" if report.stopped_by else ""
        axes.plot(stopped, [0.02] * len(stopped), "|", color=QUIET, transform=foot, label=f"stopped early{by}")
    if report.reference is not None:
        label = fill(report.reference.name, LABEL_CHARACTERS)
        axes.axhline(report.reference.value, color=PAPER, linewidth=0.8, linestyle=":", zorder=1, label=label)
    canvas.legend(loc="outside upper center", ncols=2, handlelength=1.6)


def _fill_importance(report: SearchReport, canvas: Figure) -> None:
    panels = canvas.subplots(len(report.importance), 1, squeeze=False)[:, 0]
    for axes, importance in zip(panels, report.importance, strict=True):
        if importance.shares:
            labels = [fill(_short(parameter), LABEL_CHARACTERS) for parameter in importance.shares]
            axes.barh(labels, list(importance.shares.values()), height=0.6, color=COLORS[importance.objective])
            axes.invert_yaxis()
        else:
            axes.text(0.5, 0.5, "too few trials", transform=axes.transAxes, ha="center")
            axes.set_yticks([])
        axes.set_xlim(left=0)
        axes.set_title(f"{importance.objective}: fANOVA of {importance.num_trials} trials", fontsize="medium")
        axes.set_xlabel("share of the spread (%)")


def _fill_front(report: SearchReport, canvas: Figure) -> None:
    axes = canvas.subplots()
    axes.set_xlabel("hours of training x devices")
    axes.set_ylabel(metric_label(report.metric))
    if not report.results:
        axes.text(0.5, 0.5, "no results yet", transform=axes.transAxes, ha="center")
        return
    costs, values = zip(*((trial.cost, trial.value) for trial in report.results), strict=True)
    axes.plot(costs, values, "o", color=QUIET, alpha=0.6, markersize=3, label="one trial")
    costs, values = zip(*((trial.cost, trial.value) for trial in report.front), strict=True)
    axes.plot(costs, values, "o-", color=OURS, drawstyle="steps-post", label="Pareto front")
    if report.reference is not None:
        label = fill(report.reference.name, LABEL_CHARACTERS)
        axes.plot([report.reference.cost], [report.reference.value], "D", color=PAPER, fillstyle="none", label=label)
    canvas.legend(loc="outside upper center", ncols=3, handlelength=1.6)


def _short(parameter: str) -> str:
    # Sections are left out: "1 - method.key_momentum", "transform.lambda_interpolation.width".
    words = parameter.split(" ")
    return " ".join([*words[:-1], words[-1].partition(".")[2]]).replace("_", " ").replace(".", ", ")
