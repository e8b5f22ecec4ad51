"""The results of a search and the files that they were written to, for a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ftlab.terminal.console import console, say
from ftlab.terminal.fitted_table import Column
from ftlab.terminal.table_listing import print_fitted

if TYPE_CHECKING:
    from ftlab.reporting.search.findings import Importance, SearchReport


def print_search(report: "SearchReport", folder: Path, paths: Sequence[Path]) -> None:
    """Print the best configuration beside the known ones, the best ten, and what decides."""
    from ftlab.reporting.search.tables import counts_line

    console.print(Text(report.title, style="bold"), soft_wrap=not console.is_terminal)
    left_out = [*_print_compared(report), *_print_top(report)]
    if left_out:
        say(f"Too narrow for: {', '.join(dict.fromkeys(left_out))}. search.md has all columns.")
    say("")
    say(counts_line(report))
    for importance in report.importance:
        _print_importance(importance)
    say("")
    say(f"{folder}: {', '.join(path.name for path in paths)}")


def _print_compared(report: "SearchReport") -> tuple[str, ...]:
    from ftlab.reporting.printed.metric_labels import metric_label
    from ftlab.reporting.search.tables import HOURS, hours_text, setting_text, value_text
    from ftlab.reporting.table.axes import axis_label

    trials = report.compared
    # Of a long front the cheap configurations stay, and of what is known beside the best as much as fits.
    by_rank = [*report.shown, *(trial for trial in trials if trial not in report.shown)]
    ranks = {trial.number: place for place, trial in enumerate(by_rank)}
    columns = [Column(""), *(Column(trial.name, is_numeric=True, rank=ranks[trial.number]) for trial in trials)]
    rows: list[list[str | Text]] = [[metric_label(report.metric), *(_bold(value_text(trial)) for trial in trials)]]
    if report.has_cost:
        rows.append([HOURS, *map(hours_text, trials)])
    rows += [[axis_label(name), *(setting_text(trial, name) for trial in trials)] for name in report.settings]
    return print_fitted(columns, rows)


def _print_top(report: "SearchReport") -> tuple[str, ...]:
    from ftlab.reporting.search.tables import top_rows

    headings, rows = top_rows(report)
    if len(rows) < 2:
        return ()
    say("")
    say(f"The best {len(rows)}:")
    # The configuration and its value stay; then come the cost and the settings, the first in the file first.
    columns = [
        Column(heading, is_numeric=bool(place), rank=max(0, place - 1)) for place, heading in enumerate(headings)
    ]
    return print_fitted(columns, rows)


def _print_importance(importance: "Importance") -> None:
    from ftlab.reporting.search.tables import importance_title

    say("")
    say(f"{importance_title(importance)}.")
    if importance.shares:
        rows = [[parameter, f"{share:.1f}"] for parameter, share in importance.shares.items()]
        print_fitted([Column("parameter"), Column("share (%)", is_numeric=True)], rows)
    if importance.note:
        say(importance.note)


def _bold(text: str) -> Text:
    return Text(text, style="bold")
