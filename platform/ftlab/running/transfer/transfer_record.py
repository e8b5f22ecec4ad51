"""The record of an evaluation on other images, for the tracking store: a run of its own; without torch."""

import time
from dataclasses import replace

from ftlab.machine.hardware import Hardware
from ftlab.running.floor_records import FloorRecord
from ftlab.running.kept_backbones import JUDGED_TAG
from ftlab.running.recorder import trial_record
from ftlab.study.plan import PRETRAINING_KEY_TAG
from ftlab.study.transfer import AnyTransfer, Transfer, as_trial
from ftlab.tracking.records import TASK_TAG, TrialRecord
from ftlab.training.epoch_result import EpochResult


def transfer_record(transfer: AnyTransfer, task: str, study: str, hardware: Hardware) -> TrialRecord:
    """Return the record of an evaluation: its trial's, with the images, keys and probes that it was judged by.

    Args:
        transfer: The evaluation.
        task: Name of the images.
        study: Name of the study that it is recorded under.
        hardware: Hardware that it ran on.
    """
    record = trial_record(replace(as_trial(transfer), cell=f"{transfer.row} on {task}"), study, hardware)
    if isinstance(transfer, Transfer):
        own = {PRETRAINING_KEY_TAG: transfer.trial.pretraining_key, JUDGED_TAG: transfer.trial.key}
    else:
        own = {JUDGED_TAG: f"weights {transfer.digest}"}
    return replace(record, tags={**record.tags, **own, TASK_TAG: task})


def transfer_epoch(transfer: AnyTransfer, found: FloorRecord) -> EpochResult:
    """Return the findings of an evaluation as those of its trial's last epoch."""
    return EpochResult(transfer.config.train.epochs, time.time(), found.metrics, right=found.right)
