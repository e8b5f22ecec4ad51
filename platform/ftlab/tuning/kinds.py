"""The settings that decide the cost of a trial's parts: parts of one kind take equally long on equal hardware."""

import json
from collections import Counter
from collections.abc import Mapping

from ftlab.config.experiment import Setting
from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig

# Canonical JSON of the settings, so that kinds can be stored, compared and read.
Kind = str

EPOCH_SETTINGS = (
    *("data.image_size", "views.recipe", "model.backbone", "model.stem", "model.head", "model.feature_dim"),
    *("model.bn_groups", "method.name", "method.queue_size"),
    *("train.batch_size", "train.precision", "train.channels_last", "train.compile"),
)
TRANSFORM_SETTINGS = ("transform.negatives", "transform.granularity", "transform.renormalise")
PROBE_SETTINGS = (
    *("data.image_size", "model.backbone", "model.stem", "train.channels_last", "probe.knn_k", "probe.few_shot_labels"),
    *("probe.few_shot_draws", "probe.linear_epochs", "probe.linear_batch_size", "probe.linear_learning_rates"),
    "probe.linear_holdout",
)
CHECKPOINT_SETTINGS = ("model.backbone", "model.stem", "model.head", "model.feature_dim", "method.queue_size")


def epoch_kind(config: TrialConfig, fingerprint: str, *, transformed: bool) -> Kind:
    """Return the kind of a trial's epochs with FT, or without.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        transformed: Whether FT takes part in the epoch.
    """
    settings = _chosen(config, EPOCH_SETTINGS)
    if transformed:
        # Extrapolated and interpolated positives differ only in the coefficient's range.
        settings |= {"mixes_positives": config.transform.positives != "none", **_chosen(config, TRANSFORM_SETTINGS)}
    return _spell({**settings, "view_size": config.view_size, "data": fingerprint})


def probe_kind(config: TrialConfig, fingerprint: str) -> Kind:
    """Return the kind of a trial's probes."""
    return _spell({**_chosen(config, PROBE_SETTINGS), "view_size": config.view_size, "data": fingerprint})


def checkpoint_kind(config: TrialConfig, fingerprint: str) -> Kind:
    """Return the kind of a trial's checkpoints, by their size."""
    return _spell({**_chosen(config, CHECKPOINT_SETTINGS), "data": fingerprint})


def kinds_of_trial(config: TrialConfig, fingerprint: str) -> set[Kind]:
    """Return the kinds of all parts of a trial that take time."""
    return {*count_epochs(config, fingerprint, 0, config.train.epochs), probe_kind(config, fingerprint)}


def count_epochs(config: TrialConfig, fingerprint: str, first: int, last: int) -> Counter[Kind]:
    """Return the number of epochs of each kind between two numbers of epochs trained.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        first: Epochs trained before.
        last: Epochs trained after.
    """
    epochs_on = config.transform.epochs_on(config.train.epochs)
    transformed = max(0, min(last, epochs_on.stop) - max(first, epochs_on.start))
    counts = {
        epoch_kind(config, fingerprint, transformed=True): transformed,
        epoch_kind(config, fingerprint, transformed=False): last - first - transformed,
    }
    return Counter({kind: count for kind, count in counts.items() if count > 0})


def count_knn_probes(config: TrialConfig, first: int, last: int) -> int:
    """Return the number of kNN probes between two numbers of epochs trained, without the one after the last epoch."""
    every = config.probe.every
    before_the_end = min(last, config.train.epochs - 1)
    return max(0, before_the_end // every - first // every) if every else 0


def difference(one: Kind, other: Kind) -> int:
    """Return the number of settings in which two kinds differ."""
    first, second = json.loads(one), json.loads(other)
    return sum(first.get(name) != second.get(name) for name in first.keys() | second.keys())


def _chosen(config: TrialConfig, names: tuple[str, ...]) -> dict[str, Setting]:
    settings = flatten(config)
    return {name: settings[name] for name in names}


def _spell(settings: Mapping[str, Setting]) -> Kind:
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))
