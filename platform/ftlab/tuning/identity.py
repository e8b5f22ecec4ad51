"""A trial's name is the digest of everything that decides its numbers."""

import json
from collections.abc import Mapping
from hashlib import sha256

from ftlab.config.experiment import Setting
from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig

# Raise when a change of code moves a trained number; a golden test fails until then. See CHANGELOG.md.
NUMERICS_VERSION = 1

# The content of the data enters a key as its fingerprint; where the files lie decides nothing.
DATA_PREFIX = "data."
KEY_LENGTH = 32


def effective_settings(config: TrialConfig, epochs: int | None = None) -> dict[str, Setting]:
    """Return the settings that have had an effect after ``epochs`` epochs, in canonical form.

    What has no effect is left out, so that trials that cannot differ have equal settings: the coefficient of a
    transformation that is off, FT that has not started yet, a stop that has not come yet, a ResNet's stem on another
    backbone. Start and stop are given in epochs.

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
    transform = {name: settings.pop(name) for name in list(settings) if name.startswith("transform.")}
    return {**settings, **_effective_transform(config, transform, epochs or config.train.epochs)}


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

    Trials whose settings have differed in nothing that had an effect by then share it, and so its checkpoint.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        epochs: Number of epochs trained, from 1.
    """
    return _digest({"prefix": effective_settings(config, epochs), "epochs": epochs, "data": fingerprint})


def _digest(content: Mapping[str, object]) -> str:
    canonical = json.dumps({**content, "numerics": NUMERICS_VERSION}, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]
