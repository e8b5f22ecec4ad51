"""The data set of a trial as an input of its run, which MLflow shows, filters and groups by."""

import json

from ftlab.tracking.records import FINGERPRINT_TAG, TrialRecord

# isort: split
# The variables that MLflow reads when it is imported are set by now.
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Run

_CONTEXT = InputTag("mlflow.data.context", "training")
_PREFIX = "data."
_MAX_DIGEST = 36


def data_inputs(trial: TrialRecord) -> list[DatasetInput]:
    """Return a trial's data set with the digest of its images; nothing for a trial that does not say both.

    Its source are its settings: the images lie in a cache, which has no address that holds elsewhere.
    """
    settings = {name: text for name, text in trial.params.items() if name.startswith(_PREFIX)}
    name, digest = settings.get(f"{_PREFIX}name"), trial.tags.get(FINGERPRINT_TAG)
    if not name or not digest:
        return []
    return [DatasetInput(Dataset(name, digest[:_MAX_DIGEST], "code", json.dumps({"tags": settings})), [_CONTEXT])]


def copy_inputs(client: MlflowClient, source: Run, run_id: str) -> None:
    """Give a run the data sets of another, which may be a run of another store; those that it has stay.

    Args:
        client: The store of the run.
        source: The other run.
        run_id: Identifier of the run.
    """
    if source.inputs and source.inputs.dataset_inputs:
        client.log_inputs(run_id, datasets=source.inputs.dataset_inputs)
