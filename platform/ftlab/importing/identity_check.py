"""Check that a record belongs to the trial that it names, and to the numerics of this version."""

from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.importing.event import RecordError
from ftlab.running.recorder import NUMERICS_TAG
from ftlab.study.identity import NUMERICS_VERSION, cell_key, trial_key
from ftlab.study.recorded_params import config_from_params
from ftlab.tracking.records import FINGERPRINT_TAG, TrialRecord


def check_identity(trial: TrialRecord, key: str) -> TrialConfig:
    """Check that the keys of a recorded trial follow from its settings, and return its config.

    Args:
        trial: The record.
        key: Key in the name of its file.

    Raises:
        RecordError: It belongs to another trial or another version of the numerics or of ftlab, or was altered.
    """
    if trial.trial_key != key:
        raise RecordError(f"trial_key must be the name of the file, but got {trial.trial_key}.")
    numerics = trial.tags.get(NUMERICS_TAG)
    if numerics not in (None, str(NUMERICS_VERSION)):
        raise RecordError(
            f"a trial must be trained with this version of the numerics, {NUMERICS_VERSION}, but was trained with "
            f"version {numerics[:8]}; its numbers may differ from those of a training here."
        )
    fingerprint = trial.tags.get(FINGERPRINT_TAG)
    if fingerprint is None:
        raise RecordError(f"the tags of a trial must say its {FINGERPRINT_TAG}, but do not.")
    try:
        config = config_from_params(trial.params)
    except ConfigError as error:
        raise RecordError(
            f"the settings of a trial must be those of this version, but are {_made_by(trial)}."
        ) from error
    if trial_key(config, fingerprint) != key:
        raise RecordError(
            f"a trial's key must be that of its settings and data, but {key} is not: they were altered, or are "
            f"{_made_by(trial)}; this version trains them as {trial_key(config, fingerprint)}."
        )
    if trial.cell_key != cell_key(config, fingerprint):
        raise RecordError(f"cell_key must be that of its settings and data, but got {trial.cell_key}.")
    if trial.seed != config.seed:
        raise RecordError(f"seed must be that of the settings, {config.seed}, but got {trial.seed}.")
    return config


def _made_by(trial: TrialRecord) -> str:
    version, commit = trial.tags.get("version.ftlab", "unknown"), trial.tags.get("git.commit", "unknown")
    return f"another version's (ftlab {version[:20]}, commit {commit[:40]})"
