"""The runs that the figures show, and their labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd

from explorer.history_cache import MAX_SHOWN


@dataclass(frozen=True)
class RunChoice:
    """Runs in the order in which they were chosen, at most `MAX_SHOWN`.

    Attributes:
        keys: Their trial keys.
        labels: Their labels in figures, by trial key: the shortest that tell them apart.
        settings: Their resolved settings, by trial key.
    """

    keys: list[str]
    labels: Mapping[str, str]
    settings: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, trials: pd.DataFrame, ticked: list[str] | None, overlaid: list[str] | None) -> Self:
        """Return the ticked runs of the cell and those laid over them, without runs that the store no longer has.

        Args:
            trials: All trials of the store.
            ticked: Trial keys.
            overlaid: Trial keys.
        """
        known = trials.set_index("trial_key")
        asked = dict.fromkeys([*(ticked or []), *(overlaid or [])])
        keys = [key for key in asked if key in known.index][:MAX_SHOWN]
        chosen = known.loc[keys]
        one_cell, one_study = chosen["cell_key"].nunique() <= 1, chosen["study"].nunique() <= 1
        names = zip(keys, chosen["seed"], chosen["name"], chosen["study"], strict=True)
        labels = {
            key: f"seed {seed}" if one_cell else name if one_study else f"{study}: {name}"
            for key, seed, name, study in names
        }
        return cls(keys, labels, dict(zip(keys, chosen["params"], strict=True)))
