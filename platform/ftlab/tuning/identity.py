"""The keys of trials: a trial's name is the digest of everything that decides its numbers."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import pairwise

from ftlab.config.experiment import Setting
from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig

# Raise it when a change of code moves a trained number; a golden test fails until then. See CHANGELOG.md.
NUMERICS_VERSION = 2

# The content of the data enters a key as its fingerprint; the folder of the files decides nothing.
DATA_PREFIX = "data."
KEY_LENGTH = 32

# Settings of probes that are taken after the last epoch alone; those of kNN begin with its first probe.
LAST_PROBES = (
    "few_shot_labels",
    "few_shot_draws",
    "linear_epochs",
    "linear_batch_size",
    "linear_learning_rates",
    "linear_holdout",
)
KNN_PROBES = ("every", "knn_k", "knn_temperature")


def effective_settings(config: TrialConfig, epochs: int | None = None) -> dict[str, Setting]:
    """Return the settings that have had an effect after ``epochs`` epochs, in canonical form.

    Settings without effect are left out, so that trials that cannot differ have equal settings: the coefficient of a
    transformation that is off, FT that has not started yet, a stop that has not come yet, a probe that has not been
    taken yet, a ResNet's stem on another backbone. Start and stop are given in epochs.

    This one rule names both whole trials and the prefixes that trials share.

    Args:
        config: The trial.
        epochs: Number of epochs trained; None means all of them.

    Returns:
        Values by dotted name; data settings are left out.
    """
    settings = {name: value for name, value in flatten(config).items() if not name.startswith(DATA_PREFIX)}
    settings["views.size"] = config.view_size
    if config.model.backbone == "small_cnn":
        del settings["model.stem"]
    epochs = epochs or config.train.epochs
    for name in _probes_to_come(config, epochs):
        del settings[f"probe.{name}"]
    transform = {name: settings.pop(name) for name in list(settings) if name.startswith("transform.")}
    return {**settings, **_effective_transform(config, transform, epochs)}


def _probes_to_come(config: TrialConfig, epochs: int) -> tuple[str, ...]:
    knn = KNN_PROBES if epochs < _first_knn_probe(config) else ()
    return knn + (LAST_PROBES if epochs < config.train.epochs else ())


def _first_knn_probe(config: TrialConfig) -> int:
    return min(config.probe.every or config.train.epochs, config.train.epochs)


def _effective_transform(config: TrialConfig, settings: dict[str, Setting], epochs: int) -> dict[str, Setting]:
    transform = config.transform
    epochs_on = transform.epochs_on(config.train.epochs)
    if not epochs_on or epochs_on.start >= epochs:
        return {}
    settings["transform.start"] = epochs_on.start
    settings["transform.stop"] = epochs_on.stop if epochs_on.stop < epochs else None
    settings["transform.lambda_extrapolation"] = list(transform.positive_range)
    without_effect = []
    if transform.positives == "none":
        without_effect += ["alpha_extrapolation", "lambda_extrapolation", "query_for_negatives"]
    if transform.negatives == "none":
        without_effect += ["alpha_interpolation", "lambda_interpolation"]
    for name in without_effect:
        del settings[f"transform.{name}"]
    return settings


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names a trial: equal keys mean equal results.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return _digest({"settings": effective_settings(config), "data": fingerprint})


def cell_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that the trials of one cell share: `trial_key` without the seed."""
    settings = effective_settings(config)
    del settings["seed"]
    return _digest({"cell": settings, "data": fingerprint})


def prefix_key(config: TrialConfig, fingerprint: str, epochs: int) -> str:
    """Return the digest that names the state of a trial after ``epochs`` epochs.

    Trials share it, and so its checkpoint, if their settings with an effect up to then are the same.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        epochs: Number of epochs trained, from 1.
    """
    return _digest({"prefix": effective_settings(config, epochs), "epochs": epochs, "data": fingerprint})


def prefix_keys(config: TrialConfig, fingerprint: str) -> list[str]:
    """Return `prefix_key` after 1, 2, ... epochs, quickly, because effective settings change at a few epochs only."""
    keys = []
    for span in _spans(config):
        settings = effective_settings(config, span.start)
        keys += [_digest({"prefix": settings, "epochs": epochs, "data": fingerprint}) for epochs in span]
    return keys


def unshared_key(trial_key: str, epochs: int) -> str:
    """Return the digest that names the state of one trial after ``epochs`` epochs, which no other trial shares."""
    return _digest({"trial": trial_key, "epochs": epochs})


def _spans(config: TrialConfig) -> Iterator[range]:
    """Yield the ranges of numbers of epochs with the same effective settings."""
    epochs = config.train.epochs
    epochs_on = config.transform.epochs_on(epochs)
    changes = {1, epochs_on.start + 1, epochs_on.stop + 1, _first_knn_probe(config), epochs}
    bounds = [*sorted(change for change in changes if change <= epochs), epochs + 1]
    return (range(start, stop) for start, stop in pairwise(bounds))


def _digest(content: Mapping[str, object]) -> str:
    canonical = json.dumps({**content, "numerics": NUMERICS_VERSION}, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]
