"""The test images that the trials of a table classified rightly, beside the recorded trials."""

from collections.abc import Iterable

import pandas as pd

from ftlab.reporting.table.cell_trials import RIGHT
from ftlab.tracking.records import HistoryPart
from ftlab.tracking.tracker import Tracker, load_history

# Each costs the reading of a file; with so many trials, images add little to the uncertainty.
MAX_TRIALS = 500


def with_right_images(tracker: Tracker, recorded: pd.DataFrame, trial_keys: Iterable[str]) -> pd.DataFrame:
    """Return recorded trials with a column of the right images of each metric, for the first `MAX_TRIALS` of some.

    Args:
        tracker: The store.
        recorded: One row a trial as ``Tracker.load_trials`` returns them.
        trial_keys: Keys of the trials of a table; others have none.
    """
    wanted = set(trial_keys)
    keys = [key for key in recorded["trial_key"] if key in wanted][:MAX_TRIALS]
    history = load_history(tracker, keys, HistoryPart.RIGHT)
    found: dict[str, dict[str, list[int]]] = {}
    for key, name, words in zip(history["trial_key"], history["name"], history["counts"], strict=True):
        found.setdefault(str(key), {})[str(name)] = [int(word) for word in words]
    beside = recorded.copy()
    beside[RIGHT] = pd.Series([found.get(key) for key in recorded["trial_key"]], recorded.index, dtype=object)
    return beside
