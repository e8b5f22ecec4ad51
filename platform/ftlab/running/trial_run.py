"""Run one trial: continue from its deepest checkpoint, yield each epoch, write checkpoints."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.experiment import Keep
from ftlab.config.home import Home
from ftlab.errors import CheckpointError, StorageError
from ftlab.methods.method import PretrainingMethod
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.running.checkpoints import checkpoints_folder
from ftlab.running.feed import Assignment
from ftlab.running.kept_backbones import BACKBONE_TAG, backbones_folder
from ftlab.study.identity import evaluation_keys
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.backbone_store import BackboneStore, KeptBackbone
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult
from ftlab.training.trainer import Trainer

KEPT_CHECKPOINTS = 2
# Tag of a run whose encoders were to be compiled and were not.
COMPILE_FALLBACK_TAG = "compile.fallback"
# Tag of a run on a folder of which images were left out because they could not be read, e.g. "22 of 1117".
SKIPPED_TAG = "data.skipped"


class Run(Protocol):
    """A trial while it is trained."""

    @property
    def warning(self) -> str:
        """The last problem that did not harm the results; empty if there was none."""

    @property
    def history(self) -> list[EpochResult]:
        """The epochs so far, first those of the checkpoint."""

    def epochs(self) -> Iterator[EpochResult]:
        """Train the epochs that are left and yield each."""

    def judge(self) -> Outcome | None:
        """Return the outcome of the trial; None while epochs are left."""


StartRun = Callable[[Assignment, Home, torch.device, float], Run]


class TrialRun:
    """A trial on one worker, from its deepest checkpoint on.

    Args:
        assignment: The trial to train.
        home: Home of caches and checkpoints.
        device: Device of the training.
        checkpoint_seconds: Least time between two checkpoints.
        ranks: The processes that train it, each with a run of its own; the first one restores and saves for all.
        keep: Files that stay when it is trained.
        problem: A problem that did not harm the results, e.g. the reason why a kept backbone could not be used.

    Raises:
        DataError: The images are missing, or differ from those that the trial was named by.
        StorageError: The checkpoints cannot be reached.
    """

    def __init__(
        self,
        assignment: Assignment,
        home: Home,
        device: torch.device,
        checkpoint_seconds: float,
        ranks: Ranks = ALONE,
        *,
        keep: Keep = "nothing",
        problem: str = "",
    ) -> None:
        self._trial = assignment.trial
        self._fork_epochs = assignment.fork_epochs
        self._names = assignment.trial.checkpoint_names(share=assignment.share)
        self._home = home
        self._device = device
        self._checkpoint_seconds = checkpoint_seconds
        self._ranks = ranks
        self._store = CheckpointStore(checkpoints_folder(home))
        self._keep = keep
        self._backbone_digest = ""
        self._restore_warning = problem
        self._save_warning = ""
        self._trainer = self._restored_trainer()
        if self._trainer.epochs_trained == self._trial.epochs:
            self._keep_files()

    @property
    def warning(self) -> str:
        """The last problem that did not harm the results; empty if there was none."""
        failure = self._trainer.method.compilation_failure
        return (
            self._save_warning
            or self._restore_warning
            or (f"train.compile has no effect, the encoders run eagerly: {failure}" if failure else "")
        )

    @property
    def tags(self) -> dict[str, str]:
        """Facts that only the training knows, for the record."""
        facts = {
            COMPILE_FALLBACK_TAG: self._trainer.method.compilation_failure,
            SKIPPED_TAG: self._skipped,
            BACKBONE_TAG: self._backbone_digest,
        }
        return {name: fact for name, fact in facts.items() if fact}

    @property
    def history(self) -> list[EpochResult]:
        """The epochs so far, first those of the checkpoint."""
        return list(self._trainer.history)

    def epochs(self) -> Iterator[EpochResult]:
        """Train the epochs that are left and yield each.

        A checkpoint is written at each fork, after the last epoch, and when ``checkpoint_seconds`` have passed since
        the last one. Of the checkpoints without a fork, the last `KEPT_CHECKPOINTS` are kept: one may be damaged.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite.
        """
        saved, replaceable = time.monotonic(), list[str]()
        for result in self._trainer.epochs():
            awaited = result.epoch in self._fork_epochs
            due = time.monotonic() - saved >= self._checkpoint_seconds
            is_last = result.epoch == self._trial.epochs
            if is_last:
                self._keep_files()
            if due or awaited or is_last:
                name = self._names[result.epoch - 1]
                if self._save(name) and not awaited:
                    replaceable.append(name)
                    if len(replaceable) > KEPT_CHECKPOINTS:
                        self._store.delete([replaceable.pop(0)])
                saved = time.monotonic()
            yield result

    def judge(self) -> Outcome | None:
        """Return the outcome of the trial; None while epochs are left."""
        trainer = self._trainer
        if trainer.epochs_trained < self._trial.epochs:
            return None
        return judge(type(trainer.method), trainer.history[-1], self.tags)

    def _restored_trainer(self) -> Trainer:
        dataset = load_images(self._trial.config.data, self._home, fingerprint=self._trial.fingerprint)
        self._skipped = dataset.skipped_of_all
        trainer = make_trainer(self._trial.config, dataset, self._device, self._ranks)
        there = set(self._store.names()) if self._ranks.rank == 0 else set()
        for name in reversed(self._names):
            if name not in there:
                continue
            try:
                trainer.load_state_dict(self._store.load(name, self._device))
            except CheckpointError as error:
                self._restore_warning = f"{error} What it held is trained again."
                # A corrupt checkpoint costs time, never a result: an earlier one, or the start, serves.
                self._store.delete([name])
                trainer = make_trainer(self._trial.config, dataset, self._device, self._ranks)
            else:
                break
        self._ranks.follow_first(trainer)
        return trainer

    def _keep_files(self) -> None:
        """Write what stays of a trained trial: before its last checkpoint, from which a killed trial goes on."""
        if self._ranks.rank != 0 or self._keep == "nothing":
            return
        key, trainer = self._trial.pretraining_key, self._trainer
        evaluations = evaluation_keys(self._trial.config, self._trial.fingerprint)
        kept = KeptBackbone(trainer.method.encoder.state_dict(), trainer.history, self._trial.key, evaluations)
        folder = backbones_folder(self._home)
        try:
            self._backbone_digest = BackboneStore(folder).save(key, kept)
            if self._keep == "checkpoint":
                CheckpointStore(folder).save(key, trainer.state_dict())
        except (CheckpointError, StorageError) as error:
            # Without it a new question to this trial trains it again, which costs time, never a result.
            self._save_warning = f"The backbone was not kept: {error}"

    def _save(self, name: str) -> bool:
        if self._ranks.rank != 0:
            return False
        try:
            self._store.save(name, self._trainer.state_dict())
        except CheckpointError as error:
            # On a full disk the trial goes on; if it stopped, it would be trained again from an earlier checkpoint.
            self._save_warning = str(error)
            return False
        return True


def judge(
    method: type[PretrainingMethod[Any]], last_epoch: EpochResult, tags: Mapping[str, str] | None = None
) -> Outcome:
    """Return finished or collapsed for a trial that trained all its epochs, with the tags of its record."""
    verdict = method.detect_collapse(last_epoch.metrics)
    status = TrialStatus.COLLAPSED if verdict.collapsed else TrialStatus.FINISHED
    return Outcome(status, verdict.reason, tags or {})
