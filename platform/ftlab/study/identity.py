"""The keys of trials: a trial's name is the digest of everything that decides its numbers."""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise

from ftlab.config.setting import Settings
from ftlab.config.trial import TrialConfig
from ftlab.study.plugin_code import plugin_code

# Raise it when a change of code moves a trained number; a golden test fails until then. See CHANGELOG.md.
NUMERICS_VERSION = 3
# Raise it when a change of code moves what a probe finds in the same features.
EVALUATION_VERSION = 1

# The content of the data enters a key as its fingerprint; the folder of the files decides nothing.
DATA_PREFIX = "data."
KEY_LENGTH = 32
_MARK = "number of epochs"


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names a trial, its pretraining with its evaluations: equal keys mean equal results.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return _digest(
        {"pretraining": pretraining_key(config, fingerprint), "evaluations": evaluation_keys(config, fingerprint)}
    )


def pretraining_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names the training of a trial, whatever is judged after its last epoch.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    settings = _seeded(_whole(_unseeded(config)), config)
    return _digest({"pretraining": settings, "data": fingerprint, **_code(config)})


def evaluation_keys(config: TrialConfig, fingerprint: str) -> dict[str, str]:
    """Return the digest of each evaluation that follows the last epoch, by the probe's name.

    The same evaluation of another pretraining has the same key.

    Args:
        config: The trial.
        fingerprint: Digest of the content of the data that is judged on.
    """
    return {
        probe: _sha256(_plain({"probe": probe, **settings, "data": fingerprint, "evaluation": EVALUATION_VERSION}))
        for probe, settings in config.probe.evaluations(config).items()
    }


def floor_key(kind: str, config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names an evaluation without a training.

    Args:
        kind: The features that are judged.
        config: A trial with its data, encoder, seed and probes.
        fingerprint: Digest of the data's content.
    """
    encoder = {name: value for name, value in _decisive(config).items() if name.startswith(("model.", "views.size"))}
    evaluations = evaluation_keys(config, fingerprint)
    return _digest({"floor": kind, "encoder": _seeded(encoder, config), "evaluations": evaluations, **_code(config)})


def cell_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that the trials of one cell share: `trial_key` without the seed."""
    evaluations = evaluation_keys(config, fingerprint)
    return _digest(
        {"cell": _whole(_unseeded(config)), "evaluations": evaluations, "data": fingerprint, **_code(config)}
    )


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
    """Return `prefix_key` after 1, 2, ... epochs, quickly: the settings with an effect change at a few epochs only."""
    keys = []
    for settings, epochs in _spans(_unseeded(config)):
        content = {"prefix": _seeded(settings, config), "data": fingerprint, **_code(config)}
        # The number of epochs is all that differs within a span.
        before, _, after = _canonical({**content, "epochs": _MARK}).partition(f'"{_MARK}"')
        keys += [_sha256(f"{before}{epoch}{after}") for epoch in epochs]
    return keys


def prefix_spans(config: TrialConfig, fingerprint: str) -> list[tuple[str, range]]:
    """Return digests for spans of epochs: trials share their state after an epoch if they share its span's digest."""
    return [
        (_digest({"span": _seeded(settings, config), "data": fingerprint, **_code(config)}), epochs)
        for settings, epochs in _spans(_unseeded(config))
    ]


def unshared_key(trial_key: str, epochs: int) -> str:
    """Return the digest that names the state of one trial after ``epochs`` epochs, which no other trial shares."""
    return _digest({"trial": trial_key, "epochs": epochs})


def _unseeded(config: TrialConfig) -> TrialConfig:
    return config.model_copy(update={"seed": 0})


def _seeded(settings: Settings, config: TrialConfig) -> Settings:
    return {**settings, "seed": config.seed}


# The trials of a cell differ by their seeds alone.
@lru_cache(maxsize=10_000)
def _whole(config: TrialConfig) -> Settings:
    """Return the settings with an effect on the training, but for the seed and for what is judged after it."""
    judging = config.judging()
    return {name: value for name, value in _without_seed(_decisive(config)).items() if name not in judging}


@lru_cache(maxsize=10_000)
def _spans(config: TrialConfig) -> tuple[tuple[Settings, range], ...]:
    """Return the settings with an effect, but for the seed, and the epochs, from 1, after which they are these."""
    return tuple(
        (_without_seed(_decisive(config, first)), range(first, end))
        for first, end in pairwise([*config.changes(), config.epochs + 1])
    )


def _decisive(config: TrialConfig, epochs: int | None = None) -> Settings:
    return {name: value for name, value in config.effective(epochs).items() if not name.startswith(DATA_PREFIX)}


def _without_seed(settings: Settings) -> Settings:
    return {name: value for name, value in settings.items() if name != "seed"}


def _code(config: TrialConfig) -> dict[str, dict[str, str]]:
    code = plugin_code(config)
    return {"code": code} if code else {}


def _digest(content: Mapping[str, object]) -> str:
    return _sha256(_canonical(content))


def _canonical(content: Mapping[str, object]) -> str:
    return _plain({**content, "numerics": NUMERICS_VERSION})


def _plain(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:KEY_LENGTH]
