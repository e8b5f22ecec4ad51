"""The overrides of a user for every cell of a study, and their mark in the study's name and protocol."""

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path

from ftlab.config.setting import Setting, Settings, Trait
from ftlab.config.trial import settings_with
from ftlab.errors import ConfigError

MAX_SUFFIX_LENGTH = 150


def check_overrides(overrides: Mapping[str, Setting], of_experiment: Settings, axes: Collection[str]) -> None:
    """Check that overrides set neither axes nor seeds.

    Args:
        overrides: Overrides of the user.
        of_experiment: Overrides in the experiment's file.
        axes: Settings on axes of the experiment.

    Raises:
        ConfigError: They set an axis or the seed.
    """
    for name in overrides:
        if name in axes:
            raise ConfigError(f"an override must not be an axis of the experiment, but got {name!r}; edit the axis.")
    if "seed" in overrides or "seed" in of_experiment:
        raise ConfigError("seeds are chosen by their number, but got an override of 'seed'; use SEEDS=n.")


def overrides_suffix(overrides: Mapping[str, Setting]) -> str:
    """Return a readable mark of overrides for names of folders and studies; empty when there are none.

    >>> overrides_suffix({"train.epochs": 50, "data.root": "/data/flowers", "data.download": True})
    '+data.root=flowers+train.epochs=50'
    """
    suffix = "".join(f"+{mark}" for mark in _marks(overrides)).replace("/", "_")
    if len(suffix) <= MAX_SUFFIX_LENGTH:
        return suffix
    # A file name holds 255 bytes.
    return f"{suffix[:MAX_SUFFIX_LENGTH]}~{sha256(suffix.encode()).hexdigest()[:8]}"


def changed_protocol(protocol: str, overrides: Mapping[str, Setting]) -> str:
    """Return a profile's protocol in words with the user's changes; the folder of the data does not count as one.

    >>> changed_protocol("digits, 100 epochs", {"train.epochs": 50, "data.root": "/data/flowers"})
    'digits, 100 epochs, changed by train.epochs=50'
    """
    changes = _marks({name: value for name, value in overrides.items() if name != "data.root"})
    return f"{protocol}, changed by {' '.join(changes)}" if changes else protocol


def without_folder(name: str, value: Setting) -> Setting:
    """Return the value of a setting; if it is a path, only the last part."""
    return Path(value).name if name in settings_with(Trait.PATH) and isinstance(value, str) else value


def spell(value: Setting) -> str:
    """Return a value as a command line spells it."""
    return value if isinstance(value, str) else json.dumps(value)


def _marks(overrides: Mapping[str, Setting]) -> list[str]:
    return [
        f"{name}={spell(without_folder(name, value))}"
        for name, value in sorted(overrides.items())
        if name not in settings_with(Trait.UNMARKED)
    ]
