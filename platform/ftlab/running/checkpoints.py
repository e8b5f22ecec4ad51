"""Find the checkpoints that a trial could start from, and delete those that no trial needs; imports no torch."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from ftlab.config.home import Home
from ftlab.storage.folder import Folder
from ftlab.storage.sealed_json import Shape, load_sealed, sealed
from ftlab.study.spec import Trial
from ftlab.training.checkpoint import CheckpointStore

_PLAN: Shape = {"study": str, "checkpoints": [str]}


def checkpoints_folder(home: Home) -> Folder:
    """Return the folder of checkpoints, which every node reaches."""
    return home.shared("checkpoints")


def checkpoint_names(trial: Trial) -> set[str]:
    """Return the name of every checkpoint that the trial could start from, shared ones and its own."""
    return {*trial.checkpoint_names(share=True), *trial.checkpoint_names(share=False)}


def existing_checkpoints(home: Home) -> set[str]:
    """Return the names of the existing checkpoints."""
    return set(CheckpointStore(checkpoints_folder(home)).names())


class CheckpointCollector:
    """Deletes the checkpoints that no unfinished trial of a known plan could start from.

    Until its trials end, each study keeps a file in ``plans`` that claims the checkpoints they could use. A study that
    was killed keeps its claim, also for a driver on another machine, and no study deletes checkpoints that another one
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
        self._needed: Counter[str] = Counter()

    @property
    def has_claim(self) -> bool:
        """Return whether the study claims checkpoints, from this process or from one that was killed."""
        return self._plans.exists(self._file)

    def claim(self, unfinished: Sequence[Trial]) -> None:
        """Claim the checkpoints that the unfinished trials could start from; an empty sequence ends the claim."""
        if not unfinished:
            self._plans.delete(self._file)
            return
        self._needed = Counter(name for trial in unfinished for name in checkpoint_names(trial))
        content = {"study": self._study, "checkpoints": sorted(self._needed)}
        self._plans.write(self._file, sealed(content))

    def release(self, trial: Trial) -> None:
        """Delete the checkpoints of a trial that has ended, except those that another known trial could start from."""
        names = checkpoint_names(trial)
        self._needed.subtract(names & self._needed.keys())
        unneeded = {name for name in self._store.names() if name in names and self._needed[name] <= 0}
        if unneeded:
            self._store.delete(unneeded - self._claimed(but_here=True))

    def collect(self) -> int:
        """Delete all checkpoints without a claim, and unfinished files; return the number of deleted checkpoints."""
        # Listed before the claims are read: a study claims a checkpoint before it writes it.
        there = list(self._store.names())
        claimed = self._claimed()
        unclaimed = [name for name in there if name not in claimed]
        self._store.delete(unclaimed)
        self._folder.delete_abandoned()
        self._plans.delete_abandoned()
        return len(unclaimed)

    def _claimed(self, *, but_here: bool = False) -> set[str]:
        claimed: set[str] = set()
        for file in filter(_is_plan, self._plans.names()):
            if but_here and file == self._file:
                continue
            # There is none if the claim ended in this moment. What a damaged one claimed may be deleted, which costs
            # time, never a result.
            plan = load_sealed(self._plans, file, _PLAN, "trials of its study may start anew")
            claimed.update(plan["checkpoints"] if plan else ())
        return claimed


def _is_plan(file: str) -> bool:
    return file.endswith(".json")
