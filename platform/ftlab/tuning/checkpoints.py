"""Which checkpoints a trial could start from, and which no trial needs any more; imports no torch."""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from ftlab.config.home import Home
from ftlab.storage.folder import Folder
from ftlab.training.checkpoint import CheckpointStore
from ftlab.tuning.identity import prefix_key
from ftlab.tuning.spec import Trial


def checkpoints_folder(home: Home) -> Folder:
    """Return the folder of checkpoints, which every node reaches."""
    return home.shared("checkpoints")


def checkpoint_epochs(trial: Trial) -> dict[str, int]:
    """Return the name of every checkpoint that the trial could start from, with its epoch."""
    epochs = trial.config.train.epochs
    return {prefix_key(trial.config, trial.fingerprint, epoch): epoch for epoch in range(1, epochs + 1)}


def deepest_epochs(trials: Iterable[Trial], home: Home) -> dict[str, int]:
    """Return the epoch that each trial would start from with the checkpoints there are, by trial key."""
    there = set(CheckpointStore(checkpoints_folder(home)).names())
    return {
        trial.key: max((epoch for name, epoch in checkpoint_epochs(trial).items() if name in there), default=0)
        for trial in trials
    }


class CheckpointCollector:
    """Deletes the checkpoints that no unfinished trial of a known plan could start from.

    Each study leaves a file in ``plans`` with the checkpoints its unfinished trials could use, until they end: a study
    that was killed keeps its claim, also for a driver on another machine, and one study never deletes what another
    needs.

    Args:
        home: Home of checkpoints and plans.
        study: Name of the study whose claim is managed.

    Raises:
        StorageError: By every method, where the home cannot be reached.
    """

    def __init__(self, home: Home, study: str) -> None:
        self._folder = checkpoints_folder(home)
        self._store = CheckpointStore(self._folder)
        self._plans = home.shared("plans")
        self._file = f"{sha256(study.encode()).hexdigest()[:16]}.json"
        self._study = study

    @property
    def has_claim(self) -> bool:
        """Whether the study has claimed checkpoints, now or in a process that was killed, and not given them up."""
        return self._plans.exists(self._file)

    def claim(self, unfinished: Sequence[Trial]) -> None:
        """Protect what the unfinished trials could start from; an empty sequence gives the claim up."""
        if not unfinished:
            self._plans.delete(self._file)
            return
        names = sorted({name for trial in unfinished for name in checkpoint_epochs(trial)})
        self._plans.write(self._file, json.dumps({"study": self._study, "checkpoints": names}).encode())

    def collect(self) -> int:
        """Delete every checkpoint without a claim, and what killed writers left; return the number of checkpoints."""
        # Listed before the claims are read: what a study writes after that, it has claimed before.
        there = list(self._store.names())
        claimed = self._claimed()
        unclaimed = [name for name in there if name not in claimed]
        self._store.delete(unclaimed)
        self._folder.delete_abandoned()
        self._plans.delete_abandoned()
        return len(unclaimed)

    def _claimed(self) -> set[str]:
        claimed: set[str] = set()
        for file in filter(_is_plan, self._plans.names()):
            try:
                content: Mapping[str, list[str]] = json.loads(self._plans.read(file))
            except FileNotFoundError:  # given up in this moment
                continue
            claimed.update(content["checkpoints"])
        return claimed


def _is_plan(file: str) -> bool:
    return file.endswith(".json")
