"""The settings that decide the cost of a trial's parts: parts of one kind take equally long on equal hardware."""

import json
from collections import Counter
from collections.abc import Mapping

from ftlab.config.sections.probe_section import OneProbe
from ftlab.config.setting import Setting, Settings, Trait
from ftlab.config.trial import TrialConfig, settings_with

# Canonical JSON of the settings, so that kinds can be stored, compared and read.
Kind = str


def epoch_kind(config: TrialConfig, fingerprint: str, *, transformed: bool) -> Kind:
    """Return the kind of a trial's epochs with FT, or without.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        transformed: Whether FT takes part in the epoch.
    """
    # Extrapolated and interpolated positives differ only in the coefficient's range.
    mixing = {"mixes_positives": config.transform.positives != "none"} if transformed else {}
    settings = _chosen(config, Trait.EPOCH_COST, *((Trait.FT_COST,) if transformed else ()))
    return _spell({**settings, **mixing, "view_size": config.view_size, "data": fingerprint})


def probe_kind(config: TrialConfig, fingerprint: str) -> Kind:
    """Return the kind of a trial's probes."""
    alone = {"asked": config.probe.asked} if isinstance(config.probe, OneProbe) else {}
    return _spell({**_chosen(config, Trait.PROBE_COST), **alone, "view_size": config.view_size, "data": fingerprint})


def checkpoint_kind(config: TrialConfig, fingerprint: str) -> Kind:
    """Return the kind of a trial's checkpoints, by their size."""
    return _spell({**_chosen(config, Trait.CHECKPOINT_COST), "data": fingerprint})


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
    counts = {True: transformed, False: last - first - transformed}
    return Counter(
        {epoch_kind(config, fingerprint, transformed=on): count for on, count in counts.items() if count > 0}
    )


def count_knn_probes(config: TrialConfig, first: int, last: int) -> int:
    """Return the number of kNN probes between two numbers of epochs trained, without the one after the last epoch."""
    every = config.probe.every
    before_the_end = min(last, config.train.epochs - 1)
    return max(0, before_the_end // every - first // every) if every else 0


def difference(one: Kind, other: Kind) -> int:
    """Return the number of settings in which two kinds differ."""
    first, second = _settings(one), _settings(other)
    return sum(first.get(name) != second.get(name) for name in first.keys() | second.keys())


def _chosen(config: TrialConfig, *traits: Trait) -> Settings:
    shown = config.shown()
    return {name: shown[name] for trait in traits for name in settings_with(trait) if name in shown}


def _settings(kind: Kind) -> Settings:
    try:
        settings = json.loads(kind)
    except (ValueError, RecursionError):  # a cost of another version, or of a damaged file
        return {}
    return settings if isinstance(settings, dict) else {}


def _spell(settings: Mapping[str, Setting]) -> Kind:
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))
