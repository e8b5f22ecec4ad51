"""The record of a trial, and the listener that writes it; needs neither Ray nor a tracking store."""

import json
from collections.abc import Sequence

from ftlab.machine.facts import collect_provenance
from ftlab.machine.hardware import Hardware
from ftlab.study.identity import EVALUATION_VERSION, NUMERICS_VERSION, evaluation_keys, pretraining_key
from ftlab.study.plan import PRETRAINING_KEY_TAG
from ftlab.study.recorded_params import recorded_params
from ftlab.study.spec import StudySpec, Trial
from ftlab.tracking.records import FINGERPRINT_TAG, Outcome, StudyRecord, TrialRecord
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

NUMERICS_TAG = "version.numerics"
EVALUATION_TAG = "version.evaluation"
EVALUATION_KEY_TAG = "key.evaluation."  # followed by the probe's name


class TrialRecorder:
    """The listener that writes a running study to the tracker.

    Args:
        study: Name of the study that the trials are recorded under.
        writer: Writer of the records.
        hardware: Hardware that the trials run on.
    """

    def __init__(self, study: str, writer: TrackingWriter, hardware: Hardware) -> None:
        self._study = study
        self._writer = writer
        self._hardware = hardware

    def trial_started(self, trial: Trial) -> None:
        """Open the trial's run."""
        self._writer.open_trial(trial_record(trial, self._study, self._hardware))

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Record epochs."""
        self._writer.log_epochs(trial.key, epochs)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Close the trial's run."""
        self._writer.close_trial(trial.key, outcome)


def trial_record(trial: Trial, study: str, hardware: Hardware) -> TrialRecord:
    """Return the record of a trial for the tracker."""
    return TrialRecord(
        trial_key=trial.key,
        cell_key=trial.cell_key,
        seed=trial.config.seed,
        study=study,
        name=trial.name,
        params=recorded_params(trial.config),
        tags={
            **collect_provenance(),
            NUMERICS_TAG: str(NUMERICS_VERSION),
            EVALUATION_TAG: str(EVALUATION_VERSION),
            PRETRAINING_KEY_TAG: pretraining_key(trial.config, trial.fingerprint),
            **{
                f"{EVALUATION_KEY_TAG}{probe}": key
                for probe, key in evaluation_keys(trial.config, trial.fingerprint).items()
            },
            **hardware.tags(),
            FINGERPRINT_TAG: trial.fingerprint,
        },
    )


def study_record(study: StudySpec) -> StudyRecord:
    """Return the record of a study for the tracker."""
    tags = {
        "ftlab.profile": study.profile_name,
        "ftlab.metric": study.metric,
        "ftlab.overrides": json.dumps(dict(study.overrides)),
        "ftlab.question": study.question,
    }
    return StudyRecord(study.experiment, study.results_name, tags)
