"""The kept backbones of a home, their budget, and the tables that refer to them; imports no torch."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from ftlab.config.home import Home
from ftlab.errors import ConfigError
from ftlab.storage.digest_files import key_of
from ftlab.storage.folder import Entry, Folder
from ftlab.storage.sealed_json import Shape, load_sealed, sealed
from ftlab.training.backbone_store import BackboneStore

# Tag of a run: digest of the file that holds its backbone.
BACKBONE_TAG = "backbone.digest"
# Tag of a run that was not trained: the trial whose kept backbone was judged.
JUDGED_TAG = "evaluation.of"

# End of the names of files with features of a backbone, beside those with its weights.
FEATURES_SUFFIX = ".features"

BUDGET = "FTLAB_BACKBONES"
DEFAULT_BUDGET = "20GB"
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(kB|MB|GB|TB)", re.IGNORECASE)
_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}

_TABLE: Shape = {"study": str, "pretrainings": [str]}


@dataclass(frozen=True)
class Room:
    """The room for backbones within their budget.

    Attributes:
        budget: Bytes that kept backbones may take.
        taken: Bytes that they take.
        num_kept: Number of files with backbones.
        unreferenced: Those that no table refers to, the oldest first.
        spare: Files that must go so that what is expected fits: features first, which can be computed again, then of
            those that no table refers to the oldest.
        fits: Whether what is expected fits without them.
        num_features: Number of files with features.
    """

    budget: int
    taken: int
    num_kept: int
    unreferenced: tuple[Entry, ...]
    spare: tuple[Entry, ...]
    fits: bool
    num_features: int = 0


class KeptBackbones:
    """Backbones below ``backbones``, and below ``tables`` a file per study with the pretrainings of its table.

    A study writes its file before it trains, so that no other one deletes a backbone that its table will refer to.

    Args:
        home: Home of both.

    Raises:
        StorageError: By every method, where the home cannot be reached.
    """

    def __init__(self, home: Home) -> None:
        self._store = BackboneStore(backbones_folder(home))
        self._tables = home.shared("tables")

    def keys(self) -> set[str]:
        """Return the keys of the pretrainings whose backbones are kept."""
        return self._store.keys()

    def refer(self, study: str, pretrainings: Iterable[str]) -> None:
        """Note that the table of a study refers to some pretrainings, and to no others any more."""
        content = {"study": study, "pretrainings": sorted(set(pretrainings))}
        self._tables.write(f"{sha256(study.encode()).hexdigest()[:16]}.json", sealed(content))

    def room_for(self, expected: int) -> Room:
        """Return the room for so many bytes more.

        Raises:
            ConfigError: The budget is no size.
        """
        budget = budget_bytes()
        entries = sorted(self._store.folder.entries(), key=lambda entry: entry.written)
        referred = self._referred()
        features = [entry for entry in entries if holds_features(entry)]
        backbones = [entry for entry in entries if not holds_features(entry)]
        free = [entry for entry in backbones if key_of(entry.name) not in referred]
        taken = sum(entry.size for entry in entries)
        excess, spare = taken + expected - budget, list[Entry]()
        for entry in (*features, *free):
            if excess <= 0:
                break
            spare.append(entry)
            excess -= entry.size
        return Room(budget, taken, len(backbones), tuple(free), tuple(spare), excess <= 0, len(features))

    def make_room_for_features(self, size: int) -> bool:
        """Delete old features until so many bytes of new ones fit, never a backbone; return whether they fit.

        Raises:
            ConfigError: The budget is no size.
        """
        room = self.room_for(size)
        if not room.fits or not all(map(holds_features, room.spare)):
            return False
        if room.spare:
            self.delete(room.spare)
        return True

    def delete(self, entries: Iterable[Entry]) -> None:
        """Delete files, and what killed writers left unfinished."""
        for entry in entries:
            self._store.folder.delete(entry.name)
        self._store.folder.delete_abandoned()

    def _referred(self) -> set[str]:
        referred: set[str] = set()
        for name in self._tables.names():
            if name.endswith(".json"):
                consequence = "the backbones of its table may be deleted until it is swept again"
                table = load_sealed(self._tables, name, _TABLE, consequence)
                referred.update(table["pretrainings"] if table else ())
        return referred


def holds_features(entry: Entry) -> bool:
    """Return whether a file holds features of a backbone, not its weights."""
    return FEATURES_SUFFIX in entry.name


def backbones_folder(home: Home) -> Folder:
    """Return the folder of kept backbones, which every node reaches."""
    return home.shared("backbones")


def budget_bytes() -> int:
    """Return the bytes that kept backbones may take: ``FTLAB_BACKBONES``, by default 20 GB.

    Raises:
        ConfigError: It is no number with a unit.
    """
    text = os.environ.get(BUDGET) or DEFAULT_BUDGET
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"{BUDGET} must be a size in kB, MB, GB or TB, but got {text!r}; nearest valid: {DEFAULT_BUDGET}."
        )
    return round(float(found[1]) * _UNITS[found[2].lower()])
