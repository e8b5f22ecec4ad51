"""The files of a table: in every form, with its figures and its report."""

from pathlib import Path

import pandas as pd

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.cell_choice import shown_rows
from ftlab.reporting.figures import axis_figure, draw_axis_figure
from ftlab.reporting.histories import Histories
from ftlab.reporting.render import write_table
from ftlab.reporting.report import report_html, write_report
from ftlab.reporting.training_figures import training_figures, write_training_figures
from ftlab.reporting.trial_facts import trial_facts
from ftlab.tracking.tracker import HistoryPart, Tracker

# More seeds hardly change the means that figures of training show, and a file is read for each.
MAX_SEEDS = 20


def load_histories(tracker: Tracker, table: AblationTable, recorded: pd.DataFrame) -> Histories:
    """Load what the trials of those cells recorded that the table's figures show, of `MAX_SEEDS` seeds a cell at most.

    Args:
        tracker: The store.
        table: The table.
        recorded: What the store holds.
    """
    keys = [trial.trial_key for row in shown_rows(table) for trial in table.trials_of(row.cell)[:MAX_SEEDS]]
    parts = {str(part): tracker.load_history(keys, part) for part in HistoryPart}
    chosen = recorded[recorded["trial_key"].isin(keys)]
    return Histories(**parts, settings=dict(zip(chosen["trial_key"], chosen["params"], strict=True)))


def write_results(
    table: AblationTable, histories: Histories, folder: Path, recorded: pd.DataFrame, command: str
) -> list[Path]:
    """Write the table in every form, its figures and its report; unchanged content leaves the files alone.

    Figures of how the trials trained are in ``figures/``, where ``left_out.txt`` says why one is missing.

    Args:
        table: What to write.
        histories: What its trials recorded while they trained.
        folder: Where to.
        recorded: The trials that the table was computed from.
        command: What makes the table anew.
    """
    # Plotly takes a quarter of a second to import.
    from ftlab.reporting.pages.report_charts import report_charts

    figure, training = axis_figure(table), training_figures(table, histories)
    report = report_html(table, report_charts(figure, training), trial_facts(table, recorded), command)
    return [
        *write_table(table, folder),
        *draw_axis_figure(figure, folder / "figure.png"),
        *write_training_figures(training, folder / "figures"),
        write_report(folder, report),
    ]
