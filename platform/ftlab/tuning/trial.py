"""Run one trial: continue from its deepest checkpoint, report each epoch, leave checkpoints behind."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch

from ftlab.build.data import load_images
from ftlab.build.trainer import make_trainer
from ftlab.config.home import Home
from ftlab.errors import CheckpointError, NonFiniteLossError
from ftlab.method.scores import detect_collapse
from ftlab.tracking.tracker import EpochRecord, Outcome, TrialStatus
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.trainer import EpochResult, Trainer
from ftlab.tuning.checkpoints import checkpoints_folder
from ftlab.tuning.identity import prefix_key
from ftlab.tuning.listener import StudyListener
from ftlab.tuning.plan import DIVERGED
from ftlab.tuning.spec import Trial

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialRun:
    """A trial on one worker.

    Attributes:
        trial: What is trained.
        home: Home of caches and checkpoints.
        device: Device of the training.
        checkpoint_seconds: Least time between two checkpoints.
    """

    trial: Trial
    home: Home
    device: torch.device
    checkpoint_seconds: float

    def epochs(self) -> Iterator[EpochResult]:
        """Yield every epoch of the trial in order, those of a restored checkpoint first, without training them again.

        A checkpoint is written when ``checkpoint_seconds`` have passed since the last one, and after the last epoch.
        One that cannot be written is left out with a warning: it would have saved time, and decides no result.

        Raises:
            DataError: The images are missing, or are not those that the trial was named by.
            StorageError: The checkpoints cannot be reached.
            NonFiniteLossError: The loss became NaN or infinite.
        """
        trainer = self._restored_trainer()
        yield from trainer.history
        saved = time.monotonic()
        for result in trainer.epochs():
            due = time.monotonic() - saved >= self.checkpoint_seconds
            if due or result.epoch == self.trial.config.train.epochs:
                self._save(result.epoch, trainer)
                saved = time.monotonic()
            yield result

    def _save(self, epoch: int, trainer: Trainer) -> None:
        try:
            self._store.save(self._name(epoch), trainer.state_dict())
        except CheckpointError as error:
            _log.warning("%s goes on without its checkpoint of epoch %d: %s", self.trial.name, epoch, error)

    def _restored_trainer(self) -> Trainer:
        dataset = load_images(self.trial.config.data, self.home, fingerprint=self.trial.fingerprint)
        there = set(self._store.names())
        trainer = make_trainer(self.trial.config, dataset, self.device)
        for epoch in range(self.trial.config.train.epochs, 0, -1):
            name = self._name(epoch)
            if name not in there:
                continue
            try:
                trainer.load_state_dict(self._store.load(name, self.device))
            except CheckpointError:
                # A corrupt checkpoint costs time, never a result: an earlier one, or the start, serves.
                self._store.delete([name])
                trainer = make_trainer(self.trial.config, dataset, self.device)
            else:
                break
        return trainer

    @property
    def _store(self) -> CheckpointStore:
        return CheckpointStore(checkpoints_folder(self.home))

    def _name(self, epoch: int) -> str:
        return prefix_key(self.trial.config, self.trial.fingerprint, epoch)


def judge(last_epoch: EpochResult) -> Outcome:
    """Return finished or collapsed for a trial that trained all its epochs."""
    verdict = detect_collapse(last_epoch.metrics)
    if verdict.collapsed:
        return Outcome(TrialStatus.COLLAPSED, verdict.reason)
    return Outcome(TrialStatus.FINISHED)


def run_here(
    trial: Trial, *, home: Home, device: torch.device, checkpoint_seconds: float, listeners: Sequence[StudyListener]
) -> Outcome:
    """Train one trial in this process and tell the listeners; a divergence is an outcome, not an error."""
    for listener in listeners:
        listener.trial_started(trial)
    outcome = Outcome(TrialStatus.INTERRUPTED, "stopped")
    try:
        for result in TrialRun(trial, home, device, checkpoint_seconds).epochs():
            for listener in listeners:
                listener.epochs_trained(trial, [EpochRecord(**asdict(result))])
            outcome = judge(result) if result.epoch == trial.config.train.epochs else outcome
    except NonFiniteLossError as error:
        outcome = Outcome(TrialStatus.FAILED, f"{DIVERGED}{error}")
    finally:
        for listener in listeners:
            listener.trial_ended(trial, outcome)
    return outcome
