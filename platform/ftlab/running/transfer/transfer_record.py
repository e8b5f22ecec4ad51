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

# Of the settings, those that an evaluation looks at.
JUDGING = ("data.", "probe.", "views.size", "seed")


def transfer_record(transfer: AnyTransfer, task: str, study: str, hardware: Hardware) -> TrialRecord:
    """Return the record of an evaluation: its trial's, with the images, keys and probes that it was judged by.

    Args:
        transfer: The evaluation.
        task: Name of the images.
        study: Name of the study that it is recorded under.
        hardware: Hardware that it ran on.
    """
    record = trial_record(replace(as_trial(transfer), cell=f"{transfer.row} on {task}"), study, hardware)
    tags = {**record.tags, TASK_TAG: task}
    if isinstance(transfer, Transfer):
        own = {PRETRAINING_KEY_TAG: transfer.trial.pretraining_key, JUDGED_TAG: transfer.trial.key}
        return replace(record, tags={**tags, **own})
    # Another program trained the weights, by settings that nobody knows here.
    del tags[PRETRAINING_KEY_TAG]
    params = {name: text for name, text in record.params.items() if name.startswith(JUDGING)}
    return replace(record, params=params, tags={**tags, JUDGED_TAG: f"weights {transfer.digest}"})


def transfer_epoch(transfer: AnyTransfer, found: FloorRecord) -> EpochResult:
    """Return the findings of an evaluation as those of its trial's last epoch."""
    return EpochResult(transfer.config.train.epochs, time.time(), found.metrics, right=found.right)
