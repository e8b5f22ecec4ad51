"""What the trials of a table recorded while they trained, read from the tracking store."""

import pandas as pd

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.histories import Histories
from ftlab.tracking.tracker import HistoryPart, Tracker

# Figures of training show means over seeds, which more of them hardly change, and a file is read for each.
MAX_SEEDS = 10


def load_histories(tracker: Tracker, table: AblationTable, recorded: pd.DataFrame) -> Histories:
    """Return the histories of a table's trials, of at most `MAX_SEEDS` of each cell.

    Args:
        tracker: The store.
        table: The table.
        recorded: The trials that it was computed from.
    """
    keys = [trial.trial_key for row in table.rows for trial in table.trials_of(row.cell)[:MAX_SEEDS]]
    known = recorded.set_index("trial_key")["params"]
    return Histories(
        metrics=tracker.load_history(keys, HistoryPart.METRICS),
        steps=tracker.load_history(keys, HistoryPart.STEPS),
        gradient_norms=tracker.load_history(keys, HistoryPart.GRADIENT_NORMS),
        histograms=tracker.load_history(keys, HistoryPart.HISTOGRAMS),
        settings={key: known[key] for key in keys},
    )
