"""Write the files of a table: every format, its figures and its report."""

from pathlib import Path

import pandas as pd

from ftlab.reporting.figures.accuracy_curves import accuracy_curves
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.figures.cell_choice import shown_rows
from ftlab.reporting.figures.drawn_from import drawn_from
from ftlab.reporting.figures.histories import Histories
from ftlab.reporting.figures.training_figures import training_figures
from ftlab.reporting.pages.report import REPORT_FILE, report_html
from ftlab.reporting.print.figure_files import draw_axis_figure, write_training_figures
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.trial_facts import shared_settings, trial_facts
from ftlab.reporting.writers.render import write_table
from ftlab.reporting.writers.tex_style import TexStyle
from ftlab.storage.made_files import MadeFiles
from ftlab.study.recorded_params import recorded_ft_start
from ftlab.tracking.records import UNREADABLE, HistoryPart
from ftlab.tracking.tracker import Tracker

# More seeds hardly change the means in figures of training, and each costs the reading of a file.
MAX_SEEDS = 20


def load_histories(tracker: Tracker, table: AblationTable, recorded: pd.DataFrame) -> Histories:
    """Load the histories of the cells that the table's figures show, of at most `MAX_SEEDS` seeds a cell.

    Args:
        tracker: The store.
        table: The table.
        recorded: The trials in the store.
    """
    keys = [trial.trial_key for row in shown_rows(table) for trial in table.trials_of(row.cell)[:MAX_SEEDS]]
    parts = tracker.load_histories(keys, [part for part in HistoryPart if part is not HistoryPart.RIGHT])
    chosen = recorded[recorded["trial_key"].isin(keys)]
    ft_starts = map(recorded_ft_start, chosen["params"])
    unreadable = frozenset(key for part in parts.values() for key in part.attrs.get(UNREADABLE, ()))
    return Histories(**parts, ft_starts=dict(zip(chosen["trial_key"], ft_starts, strict=True)), unreadable=unreadable)


def write_results(
    table: AblationTable,
    histories: Histories,
    folder: Path,
    recorded: pd.DataFrame,
    command: str,
    made: MadeFiles | None = None,
    tex_style: TexStyle = "compact",
) -> list[Path]:
    """Write the table in every format, its figures and its report; unchanged files are left alone.

    Figures of the training are in ``figures/``, where ``left_out.txt`` gives the reason for each missing one.

    Args:
        table: The table.
        histories: The histories of its trials.
        folder: Folder of the files.
        recorded: The trials that the table was computed from.
        command: Command that makes the table anew.
        made: Figures and report that need not be drawn if nothing has changed since; None draws in any case.
        tex_style: Style of ``table.tex``.
    """
    made = made or MadeFiles(folder)
    figure, training, facts = axis_figure(table), training_figures(table, histories), trial_facts(table, recorded)
    accuracy, settings = accuracy_curves(table, histories), shared_settings(table, recorded)
    shown = (table, figure, training, accuracy, facts, settings, command)

    def report() -> list[bytes]:
        # Plotly takes a quarter of a second to import.
        from ftlab.reporting.pages.report_charts import report_charts

        charts = report_charts(figure, training, accuracy)
        return [report_html(table, charts, facts, command, settings).encode()]

    return [
        *write_table(table, folder, tex_style),
        *draw_axis_figure(figure, folder / "figure.png", made),
        *write_training_figures(training, folder / "figures", made),
        *made.make([folder / REPORT_FILE], drawn_from(shown, "pages"), report),
    ]
