"""Features of a frozen backbone with the labels of their images as Parquet, with their provenance in the file."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.publish.backbone_file import portable_settings
from ftlab.running.transfer.transfer_judge import FrozenBackbone, features_of, freeze
from ftlab.running.transfer.weights_reader import ReadWeights
from ftlab.storage.atomic import write_if_changed
from ftlab.study.identity import EVALUATION_VERSION, NUMERICS_VERSION, evaluation_keys
from ftlab.study.spec import Trial
from ftlab.study.transfer import (
    PROTOCOL,
    AnyTransfer,
    Transfer,
    check_places,
    data_of,
    make_transfer,
    seen_by_weights,
    task_name,
)
from ftlab.training.evaluation.features import Features

FORMAT = 1
# Entry of the file's metadata that holds the provenance, as JSON.
METADATA = b"ftlab"
_NO_NAME = re.compile(r"[^-+.=@\w]+")


def trial_transfers(trial: Trial, places: Sequence[str], home: Home) -> dict[str, AnyTransfer]:
    """Return the kept backbone of a trial with images, by the name of these.

    Args:
        trial: The trial.
        places: The images, see `ftlab.study.transfer.data_of`; none means its own.
        home: Home of data sets and the cache.

    Raises:
        ConfigError: There are no such images.
        DataError: They are missing or unfit.
    """
    if not places:
        data = trial.config.data
        return {Path(data.root or data.name).name: make_transfer(trial, data, trial.fingerprint)}
    check_places(places)
    found = {task_name(place): data_of(place, trial.config) for place in places}
    return {task: make_transfer(trial, data, load_images(data, home).fingerprint) for task, data in found.items()}


def weights_transfers(
    read: ReadWeights, places: Sequence[str], config: TrialConfig, home: Home
) -> dict[str, AnyTransfer]:
    """Return weights made elsewhere with images, by the name of these.

    Args:
        read: The weights.
        places: The images, see `ftlab.study.transfer.data_of`.
        config: A trial, by whose size, if the weights have none, and resizing images are seen.
        home: Home of data sets and the cache.

    Raises:
        ConfigError: There are no such images.
        DataError: They are missing or unfit.
    """
    check_places(places)
    found = {task_name(place): seen_by_weights(read.config, place, config) for place in places}
    return {task: read.on(one, load_images(one.data, home).fingerprint) for task, one in found.items()}


def write_features(transfer: AnyTransfer, task: str, folder: Path, home: Home, device: torch.device) -> Path:
    """Write the features that a transfer's probes judge, and return the file: ``<trial or weights>-<task>.parquet``.

    Args:
        transfer: The backbone and the images.
        task: Name of the images.
        folder: Folder of the file.
        home: Home of kept backbones, data sets and the cache.
        device: Device of the encoder.

    Raises:
        CheckpointError: The backbone is not kept any more or is damaged.
        DataError: The images differ from those that the transfer was named by.
        ResultsError: The file cannot be written.
    """
    frozen = freeze(transfer, home, device)
    table = feature_table(features_of(transfer, frozen, home, device), frozen.images.class_names)
    sink = pa.BufferOutputStream()
    provenance = json.dumps(_provenance(transfer, frozen))
    pq.write_table(table.replace_schema_metadata({METADATA: provenance}), sink, use_dictionary=["split", "class"])
    own = transfer.trial.key if isinstance(transfer, Transfer) else transfer.weights.row
    path = folder / f"{_NO_NAME.sub('_', f'{own}-{task}')}.parquet"
    write_if_changed(path, sink.getvalue().to_pybytes())
    return path


def feature_table(features: Features, class_names: Sequence[str]) -> pa.Table:
    """Return a row an image, those of training before those of test.

    Columns are ``split`` (train or test), ``image`` (its place in the split), ``label``, ``class`` (its name) and
    ``features``, F numbers in float32.

    Args:
        features: The features.
        class_names: Label i means ``class_names[i]``.
    """
    splits = {"train": (features.train, features.train_labels), "test": (features.test, features.test_labels)}
    names = pa.array(class_names, pa.string())
    parts = [_split_table(split, rows.cpu(), labels.cpu(), names) for split, (rows, labels) in splits.items()]
    return pa.concat_tables(parts).unify_dictionaries()


def _split_table(split: str, rows: torch.Tensor, labels: torch.Tensor, names: pa.Array) -> pa.Table:
    places = pa.array(labels.numpy(), pa.int32())
    return pa.table(
        {
            "split": pa.array([split] * len(rows)).dictionary_encode(),
            "image": pa.array(range(len(rows)), pa.int64()),
            "label": places,
            "class": pa.DictionaryArray.from_arrays(places, names),
            "features": pa.FixedSizeListArray.from_arrays(pa.array(rows.numpy().ravel()), rows.shape[1]),
        }
    )


def _provenance(transfer: AnyTransfer, frozen: FrozenBackbone) -> dict[str, Any]:
    config, images = transfer.config, frozen.images
    return {
        "format": FORMAT,
        "written_by": f"ftlab {version('ftlab')}",
        "name": transfer.name,
        "backbone": {"digest": frozen.digest, **_origin(transfer)},
        "data": {"name": images.name, "fingerprint": images.fingerprint, "classes": images.class_names},
        "preprocessing": {
            "size": config.view_size,
            "resize": config.probe.resize,
            "channels": PROTOCOL,
            "mean": frozen.mean,
            "std": frozen.std,
        },
        "evaluation": {
            "numerics": NUMERICS_VERSION,
            "version": EVALUATION_VERSION,
            "keys": evaluation_keys(config, transfer.fingerprint),
            "protocols": config.probe.protocols(),
        },
    }


def _origin(transfer: AnyTransfer) -> Mapping[str, Any]:
    if isinstance(transfer, Transfer):
        trial = transfer.trial
        keys = {"trial_key": trial.key, "pretraining_key": trial.pretraining_key, "trained_on": trial.fingerprint}
        return {**keys, "settings": portable_settings(trial.config)}
    return {**transfer.weights.model_dump(include={"kind", "prefix", "model"}), "file": transfer.weights.path.name}
