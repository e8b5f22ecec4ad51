"""Which checkpoints a trial could start from, and which no trial needs any more; imports no torch."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from ftlab.training.checkpoint import CheckpointStore
from ftlab.tuning.spec import Trial


def checkpoints_folder(home: Path) -> Path:
    """Return the folder of checkpoints below ``home``."""
    return home / "checkpoints"


def checkpoint_names(trial: Trial) -> set[str]:
    """Return the name of every checkpoint that the trial could start from, shared ones and its own."""
    return {*trial.checkpoint_names(share=True), *trial.checkpoint_names(share=False)}


def existing_checkpoints(home: Path) -> set[str]:
    """Return the names of the checkpoints that there are."""
    return set(CheckpointStore(checkpoints_folder(home)).names())


class CheckpointCollector:
    """Deletes the checkpoints that no unfinished trial of a known plan could start from.

    Each study leaves a file below ``home/plans`` with the checkpoints its unfinished trials could use, until they end:
    a study that was killed keeps its claim, and one study never deletes what another needs.

    Args:
        home: Folder of checkpoints and plans.
        study: Name of the study whose claim is managed.
    """

    def __init__(self, home: Path, study: str) -> None:
        self._store = CheckpointStore(checkpoints_folder(home))
        self._plans = home / "plans"
        self._path = self._plans / f"{sha256(study.encode()).hexdigest()[:16]}.json"
        self._study = study
        self._needed: Counter[str] = Counter()

    @property
    def has_claim(self) -> bool:
        """Whether the study has claimed checkpoints, now or in a process that was killed, and not given them up."""
        return self._path.exists()

    def claim(self, unfinished: Sequence[Trial]) -> None:
        """Protect what the unfinished trials could start from; an empty sequence gives the claim up."""
        if not unfinished:
            self._path.unlink(missing_ok=True)
            return
        self._plans.mkdir(parents=True, exist_ok=True)
        self._needed = Counter(name for trial in unfinished for name in checkpoint_names(trial))
        temporary = self._path.with_suffix(".writing")
        temporary.write_text(json.dumps({"study": self._study, "checkpoints": sorted(self._needed)}))
        temporary.replace(self._path)

    def release(self, trial: Trial) -> None:
        """Delete what a trial that has ended left and no other trial of a known plan could start from."""
        names = checkpoint_names(trial)
        self._needed.subtract(names & self._needed.keys())
        unneeded = {name for name in self._store.names() if name in names and self._needed[name] <= 0}
        if unneeded:
            self._store.delete(unneeded - self._claimed(but_here=True))

    def collect(self) -> int:
        """Delete every checkpoint without a claim and return their number."""
        claimed = self._claimed()
        unclaimed = [name for name in self._store.names() if name not in claimed]
        self._store.delete(unclaimed)
        return len(unclaimed)

    def _claimed(self, *, but_here: bool = False) -> set[str]:
        claimed: set[str] = set()
        for path in self._plans.glob("*.json"):
            if not (but_here and path == self._path):
                content: Mapping[str, list[str]] = json.loads(path.read_text())
                claimed.update(content["checkpoints"])
        return claimed
