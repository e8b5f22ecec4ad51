"""The facts about the training of a table's trials: commit, data, hardware and versions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ftlab.reporting.table.ablation import AblationTable

FACTS: Mapping[str, str] = {
    "git.commit": "commit",
    "git.dirty": "uncommitted changes",
    "data.fingerprint": "data fingerprint",
    "data.skipped": "unreadable images left out",
    "hardware.device": "device",
    "hardware.cpu": "processor",
    "hardware.gpu": "GPU",
    "python": "Python",
}
VERSION = "version."


@dataclass(frozen=True)
class Fact:
    """One fact about the trials of a table.

    Attributes:
        name: Its name, in words.
        values: Its values with the number of trials that have each, the most frequent first.
    """

    name: str
    values: tuple[tuple[str, int], ...]


def trial_facts(table: AblationTable, recorded: pd.DataFrame) -> tuple[Fact, ...]:
    """Return the recorded facts about the trials of a table: commit, data, hardware, then versions of libraries.

    Args:
        table: The table.
        recorded: The recorded trials that it was computed from; a fact that no trial recorded is left out.
    """
    keys = {trial.trial_key for trial in table.trials}
    tags: Sequence[Mapping[str, str]] = list(recorded.loc[recorded["trial_key"].isin(keys), "tags"])
    versions = sorted({name for trial in tags for name in trial if name.startswith(VERSION)})
    names = {**FACTS, **{name: name.removeprefix(VERSION) for name in versions}}
    facts = (Fact(words, _values(name, tags)) for name, words in names.items())
    return tuple(fact for fact in facts if fact.values)


def shared_settings(table: AblationTable, recorded: pd.DataFrame) -> tuple[Fact, ...]:
    """Return the recorded settings of the trials of a table but their seeds, in the order of their names.

    Args:
        table: The table.
        recorded: The recorded trials that it was computed from.
    """
    keys = {trial.trial_key for trial in table.trials}
    found = recorded.loc[recorded["trial_key"].isin(keys)]
    settings: Sequence[Mapping[str, str]] = list(found["params"]) if "params" in found else []
    names = sorted({name for trial in settings for name in trial} - {"seed"})
    facts = (Fact(name, _values(name, settings)) for name in names)
    return tuple(fact for fact in facts if fact.values)


def _values(name: str, tags: Sequence[Mapping[str, str]]) -> tuple[tuple[str, int], ...]:
    counts = Counter(str(trial[name]) for trial in tags if trial.get(name))
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
