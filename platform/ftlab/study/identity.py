"""The keys of trials: a trial's name is the digest of everything that decides its numbers."""

import json
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise

from ftlab.config.setting import Settings
from ftlab.config.trial import TrialConfig
from ftlab.study.plugin_code import plugin_code

# Raise it when a change of code moves a trained number; a golden test fails until then. See CHANGELOG.md.
NUMERICS_VERSION = 2

# The content of the data enters a key as its fingerprint; the folder of the files decides nothing.
DATA_PREFIX = "data."
KEY_LENGTH = 32


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names a trial: equal keys mean equal results.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return _digest({"settings": _decisive(config), "data": fingerprint, **_code(config)})


def cell_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that the trials of one cell share: `trial_key` without the seed."""
    settings = _decisive(config)
    del settings["seed"]
    return _digest({"cell": settings, "data": fingerprint, **_code(config)})


def prefix_key(config: TrialConfig, fingerprint: str, epochs: int) -> str:
    """Return the digest that names the state of a trial after ``epochs`` epochs.

    Trials share it, and so its checkpoint, if their settings with an effect up to then are the same.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        epochs: Number of epochs trained, from 1.
    """
    return _digest({"prefix": _decisive(config, epochs), "epochs": epochs, "data": fingerprint, **_code(config)})


def prefix_keys(config: TrialConfig, fingerprint: str) -> list[str]:
    """Return `prefix_key` after 1, 2, ... epochs, quickly, because effective settings change at a few epochs only."""
    keys, constant = [], {"data": fingerprint, **_code(config)}
    for first, end in pairwise([*config.changes(), config.epochs + 1]):
        settings = _decisive(config, first)
        keys += [_digest({"prefix": settings, "epochs": epochs, **constant}) for epochs in range(first, end)]
    return keys


def unshared_key(trial_key: str, epochs: int) -> str:
    """Return the digest that names the state of one trial after ``epochs`` epochs, which no other trial shares."""
    return _digest({"trial": trial_key, "epochs": epochs})


def _decisive(config: TrialConfig, epochs: int | None = None) -> Settings:
    return {name: value for name, value in config.effective(epochs).items() if not name.startswith(DATA_PREFIX)}


def _code(config: TrialConfig) -> dict[str, dict[str, str]]:
    code = plugin_code(config)
    return {"code": code} if code else {}


def _digest(content: Mapping[str, object]) -> str:
    canonical = json.dumps({**content, "numerics": NUMERICS_VERSION}, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]
