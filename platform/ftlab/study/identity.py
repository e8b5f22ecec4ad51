"""The keys of trials: a trial's name is the digest of everything that decides its numbers."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from ftlab.config.sections.probe_section import ProbeConfig
from ftlab.config.setting import Settings
from ftlab.config.trial import TrialConfig
from ftlab.study.plugin_code import plugin_code

# Raise it when a change of code moves a trained number; a golden test fails until then. See CHANGELOG.md.
NUMERICS_VERSION = 3
# Raise it when a change of code moves what a probe finds in the same features.
EVALUATION_VERSION = 1

# The content of the data enters a key as its fingerprint; the folder of the files decides nothing.
DATA_PREFIX = "data."
PROBE_PREFIX = "probe."
KEY_LENGTH = 32
_MARK = "number of epochs"
_SEED_0 = '"seed":0'  # in canonical text only ever the setting: quotes within a text are escaped

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Code = tuple[tuple[str, str], ...]  # digest of a plugin's package by its kind


def trial_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names a trial, its pretraining with its evaluations: equal keys mean equal results.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return trial_and_cell_key(config, fingerprint)[0]


def trial_and_cell_key(config: TrialConfig, fingerprint: str) -> tuple[str, str]:
    """Return `trial_key` and `cell_key`, in little more time than one of them."""
    texts = _cell_texts(config, fingerprint)
    pretraining = _sha256(_of_seed(texts.pretraining, config))
    evaluations = _evaluation_keys(config.probe, fingerprint)
    return _digest({"pretraining": pretraining, "evaluations": evaluations}), texts.key


def pretraining_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that names the training of a trial, whatever is judged after its last epoch.

    Args:
        config: The trial.
        fingerprint: Digest of the data's content.
    """
    return _sha256(_of_seed(_cell_texts(config, fingerprint).pretraining, config))


def evaluation_keys(config: TrialConfig, fingerprint: str) -> dict[str, str]:
    """Return the digest of each evaluation that follows the last epoch, by the probe's name.

    The same evaluation of another pretraining has the same key.

    Args:
        config: The trial.
        fingerprint: Digest of the content of the data that is judged on.
    """
    return dict(_evaluation_keys(config.probe, fingerprint))


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


def transfer_key(config: TrialConfig, fingerprint: str, elsewhere: TrialConfig, fingerprint_elsewhere: str) -> str:
    """Return the digest that names the evaluations of a pretraining on other images.

    Args:
        config: The trial.
        fingerprint: Digest of the content of its data.
        elsewhere: The trial with the data that is judged on.
        fingerprint_elsewhere: Digest of that data's content.
    """
    return _digest(
        {
            "transfer": pretraining_key(config, fingerprint),
            "size": elsewhere.view_size,
            "evaluations": evaluation_keys(elsewhere, fingerprint_elsewhere),
        }
    )


def weights_key(
    digest: str, normalisation: tuple[Sequence[float], Sequence[float]], elsewhere: TrialConfig, fingerprint: str
) -> str:
    """Return the digest that names the evaluations of weights that another program trained.

    Args:
        digest: Digest of the weights.
        normalisation: Mean and deviation of each channel that images are normalised by.
        elsewhere: A trial with the data that is judged on, its probes and seed.
        fingerprint: Digest of that data's content.
    """
    return _digest(
        {
            "weights": digest,
            "normalisation": [list(values) for values in normalisation],
            "size": elsewhere.view_size,
            "seed": elsewhere.seed,
            "evaluations": evaluation_keys(elsewhere, fingerprint),
        }
    )


def cell_key(config: TrialConfig, fingerprint: str) -> str:
    """Return the digest that the trials of one cell share: `trial_key` without the seed."""
    return _cell_texts(config, fingerprint).key


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


class _CellTexts(NamedTuple):
    """Canonical texts of the trials of one cell, which differ by their seeds alone; of its trial with seed 0.

    Attributes:
        pretraining: Of the training.
        key: Digest of the cell.
        spans: Of prefixes, with a mark for the epochs, and the epochs that each text is true of.
    """

    pretraining: str
    key: str
    spans: tuple[tuple[str, range], ...]


def _cell_texts(config: TrialConfig, fingerprint: str) -> _CellTexts:
    cell = config.model_copy(update={"seed": 0}) if config.seed else config
    return _texts(cell, fingerprint, _code(config))


@lru_cache(maxsize=10_000)
def _texts(cell: TrialConfig, fingerprint: str, code: Code) -> _CellTexts:
    about, last = _about(fingerprint, code), cell.epochs
    effects = [effect for effect in cell.effects() if effect.since <= last and not effect.name.startswith(DATA_PREFIX)]
    # What decides evaluations after the last epoch, and nothing before, is in their keys.
    judging = {effect.name for effect in effects if effect.since == last and effect.name.startswith(PROBE_PREFIX)}
    trained = {name: value for name, value, _ in effects if name not in judging}
    unseeded = {name: value for name, value in trained.items() if name != "seed"}
    key = _digest({"cell": unseeded, "evaluations": _evaluation_keys(cell.probe, fingerprint), **about})
    spans, changes = [], sorted({1, *(effect.since for effect in effects)})
    for first, end in pairwise([*changes, last + 1]):
        prefix = {name: value for name, value, since in effects if since <= first}
        spans.append((_canonical({"prefix": prefix, **about, "epochs": _MARK}), range(first, end)))
    return _CellTexts(_canonical({"pretraining": trained, **about}), key, tuple(spans))


def _of_seed(text: str, config: TrialConfig) -> str:
    """Return the canonical text of a trial from that of its cell's trial with seed 0."""
    return text.replace(_SEED_0, f'"seed":{config.seed}')


def _spans(config: TrialConfig, fingerprint: str) -> list[tuple[str, range]]:
    """Return the canonical texts of a trial's prefixes, see `_CellTexts`."""
    return [(_of_seed(text, config), epochs) for text, epochs in _cell_texts(config, fingerprint).spans]


@lru_cache(maxsize=1_000)
def _evaluation_keys(probes: ProbeConfig, fingerprint: str) -> Mapping[str, str]:
    about = {"data": fingerprint, "evaluation": EVALUATION_VERSION}
    evaluations = probes.evaluations().items()
    return {probe: _sha256(_plain({"probe": probe, **settings, **about})) for probe, settings in evaluations}


def _decisive(config: TrialConfig, epochs: int | None = None) -> Settings:
    return {name: value for name, value in config.effective(epochs).items() if not name.startswith(DATA_PREFIX)}


def _code(config: TrialConfig) -> Code:
    return tuple(plugin_code(config).items())


def _about(fingerprint: str, code: Code) -> dict[str, object]:
    return {"data": fingerprint, **({"code": dict(code)} if code else {})}


def _digest(content: Mapping[str, object]) -> str:
    return _sha256(_canonical(content))


def _canonical(content: Mapping[str, object]) -> str:
    return _plain({**content, "numerics": NUMERICS_VERSION})


def _plain(content: Mapping[str, object]) -> str:
    return _ENCODER.encode(content)


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:KEY_LENGTH]
