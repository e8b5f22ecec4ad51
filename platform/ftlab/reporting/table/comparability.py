"""The facts beside the axes that move accuracies too, and so decide which trials of a table may be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"
DIGEST_LENGTH = 8

# The length of a trial, its precision, its device and its libraries, by the name in its settings or its tags. The
# version of ftlab's own numerics is part of every trial key, so that no table can mix two.
SETTINGS = {
    "train.epochs": "epochs",
    "train.batch_size": "batch size",
    "train.precision": "precision",
}
TAGS = {
    "hardware.device": "device",
    "version.torch": "torch",
    "version.numpy": "numpy",
}
PROBES = "probe."
# The number of probes during training does not change the last accuracy.
WITHOUT_EFFECT = frozenset({"probe.every"})


@dataclass(frozen=True)
class Caveat:
    """A fact in which trials of a cell differ from the baseline's, or from each other.

    Attributes:
        fact: The fact, in words.
        values: Its values in the cell's trials, each once.
        reference: Its values in the baseline's trials; empty for the baseline itself.
    """

    fact: str
    values: tuple[str, ...]
    reference: tuple[str, ...]

    def __str__(self) -> str:
        ours = f"{self.fact} {' and '.join(self.values)}"
        if not self.reference or self.values == self.reference:
            return f"{ours} among its seeds"
        return f"{ours} against {' and '.join(self.reference)}"


def comparable_facts(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts of a recorded trial that decide which trials it may be compared with, by their words.

    Args:
        record: A row of ``Tracker.load_trials``; its ``params`` and ``tags`` may be missing.
    """
    params, tags = (found if isinstance(found := record.get(name), Mapping) else {} for name in ("params", "tags"))
    probes = {name: str(params[name]) for name in sorted(params) if name.startswith(PROBES)}
    return {
        **{words: str(params.get(name, UNKNOWN)) for name, words in SETTINGS.items()},
        "data": str(tags.get("data.fingerprint", UNKNOWN))[:DIGEST_LENGTH],
        **{words: str(tags.get(name, UNKNOWN)) for name, words in TAGS.items()},
        **{name: value for name, value in probes.items() if name not in WITHOUT_EFFECT},
    }


def find_caveats(facts: Sequence[Mapping[str, str]], reference: Sequence[Mapping[str, str]] = ()) -> tuple[Caveat, ...]:
    """Return the facts in which the trials of a cell differ from the baseline's, or from each other.

    Args:
        facts: Facts of each trial of the cell.
        reference: Facts of each trial of the baseline; empty compares the trials of the cell alone.
    """
    names = dict.fromkeys(name for found in (*facts, *reference) for name in found)
    caveats = (Caveat(name, _values(name, facts), _values(name, reference)) for name in names)
    return tuple(
        caveat
        for caveat in caveats
        if caveat.values and (len(caveat.values) > 1 or caveat.reference not in ((), caveat.values))
    )


def _values(name: str, facts: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(sorted({found.get(name, UNKNOWN) for found in facts}))
