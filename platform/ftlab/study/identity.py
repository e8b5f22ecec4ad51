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
_SEED_0 = '"seed":0'  # in canonical text only ever the setting: quotes within a text are escaped

Code = tuple[tuple[str, str], ...]  # digest of a plugin's package by its kind


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names a trial, its pretraining with its evaluations: equal keys mean equal results.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    cell = _unseeded(config)
    pretraining = _sha256(_of_seed(_pretraining_text(cell, fingerprint, _code(config)), config))
    return _digest({"pretraining": pretraining, "evaluations": _evaluation_keys(cell, fingerprint)})


def pretraining_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names the training of a trial, whatever is judged after its last epoch.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return _sha256(_of_seed(_pretraining_text(_unseeded(config), fingerprint, _code(config)), config))


def evaluation_keys(config: TrialConfig, fingerprint: str) -> dict[str, str]:
    """Return the digest of each evaluation that follows the last epoch, by the probe's name.

    The same evaluation of another pretraining has the same key.

    Args:
        config: The trial.
        fingerprint: Digest of the content of the data that is judged on.
    """
    return dict(_evaluation_keys(_unseeded(config), fingerprint))


def floor_key(kind: str, config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names an evaluation without a training.

    Args:
        kind: The features that are judged.
        config: A trial with its data, encoder, seed and probes.
        fingerprint: Digest of the data's content.
    """
    own = ("model.", "views.size", "seed")
    encoder = {name: value for name, value in _decisive(config).items() if name.startswith(own)}
    evaluations = evaluation_keys(config, fingerprint)
    about = _about(fingerprint, _code(config))
    return _digest({"floor": kind, "encoder": encoder, "evaluations": evaluations, **about})


def cell_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that the trials of one cell share: `trial_key` without the seed."""
    return _cell_key(_unseeded(config), fingerprint, _code(config))


def prefix_key(config: TrialConfig, fingerprint: str, epochs: int) -> str:
    """Return the digest that names the state of a trial after ``epochs`` epochs.

    Trials share it, and so its checkpoint, if their settings with an effect up to then are the same.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
        epochs: Number of epochs trained, from 1.
    """
    return _digest({"prefix": _decisive(config, epochs), "epochs": epochs, **_about(fingerprint, _code(config))})


def prefix_keys(config: TrialConfig, fingerprint: str) -> list[str]:
    """Return `prefix_key` after 1, 2, ... epochs, quickly: the settings with an effect change at a few epochs only."""
    keys = []
    for text, epochs in _spans(config, fingerprint):
        # The number of epochs is all that differs within a span.
        before, _, after = text.partition(f'"{_MARK}"')
        keys += [_sha256(f"{before}{epoch}{after}") for epoch in epochs]
    return keys


def prefix_spans(config: TrialConfig, fingerprint: str) -> list[tuple[str, range]]:
    """Return digests for spans of epochs: trials share their state after an epoch if they share its span's digest."""
    return [(_sha256(text), epochs) for text, epochs in _spans(config, fingerprint)]


def unshared_key(trial_key: str, epochs: int) -> str:
    """Return the digest that names the state of one trial after ``epochs`` epochs, which no other trial shares."""
    return _digest({"trial": trial_key, "epochs": epochs})


def _unseeded(config: TrialConfig) -> TrialConfig:
    return config.model_copy(update={"seed": 0})


def _of_seed(text: str, config: TrialConfig) -> str:
    """Return the canonical text of a trial from that of its cell's trial with seed 0."""
    return text.replace(_SEED_0, f'"seed":{config.seed}')


def _spans(config: TrialConfig, fingerprint: str) -> list[tuple[str, range]]:
    """Return the canonical texts of prefixes, with a mark for the epochs, and the epochs that each text is true of."""
    texts = _span_texts(_unseeded(config), fingerprint, _code(config))
    return [(_of_seed(text, config), epochs) for text, epochs in texts]


# The trials of a cell differ by their seeds alone.
@lru_cache(maxsize=10_000)
def _pretraining_text(cell: TrialConfig, fingerprint: str, code: Code) -> str:
    return _canonical({"pretraining": _trained(cell), **_about(fingerprint, code)})


@lru_cache(maxsize=10_000)
def _evaluation_keys(cell: TrialConfig, fingerprint: str) -> Mapping[str, str]:
    about = {"data": fingerprint, "evaluation": EVALUATION_VERSION}
    evaluations = cell.probe.evaluations(cell).items()
    return {probe: _sha256(_plain({"probe": probe, **settings, **about})) for probe, settings in evaluations}


@lru_cache(maxsize=10_000)
def _cell_key(cell: TrialConfig, fingerprint: str, code: Code) -> str:
    settings = {name: value for name, value in _trained(cell).items() if name != "seed"}
    evaluations = _evaluation_keys(cell, fingerprint)
    return _digest({"cell": settings, "evaluations": evaluations, **_about(fingerprint, code)})


@lru_cache(maxsize=10_000)
def _span_texts(cell: TrialConfig, fingerprint: str, code: Code) -> tuple[tuple[str, range], ...]:
    about = {**_about(fingerprint, code), "epochs": _MARK}
    return tuple(
        (_canonical({"prefix": _decisive(cell, first), **about}), range(first, end))
        for first, end in pairwise([*cell.changes(), cell.epochs + 1])
    )


def _decisive(config: TrialConfig, epochs: int | None = None) -> Settings:
    return {name: value for name, value in config.effective(epochs).items() if not name.startswith(DATA_PREFIX)}


def _trained(config: TrialConfig) -> Settings:
    """Return the settings with an effect on the training, without those of what is judged after it alone."""
    judging = config.judging()
    return {name: value for name, value in _decisive(config).items() if name not in judging}


def _code(config: TrialConfig) -> Code:
    return tuple(plugin_code(config).items())


def _about(fingerprint: str, code: Code) -> dict[str, object]:
    return {"data": fingerprint, **({"code": dict(code)} if code else {})}


def _digest(content: Mapping[str, object]) -> str:
    return _sha256(_canonical(content))


def _canonical(content: Mapping[str, object]) -> str:
    return _plain({**content, "numerics": NUMERICS_VERSION})


def _plain(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:KEY_LENGTH]
