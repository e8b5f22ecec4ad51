"""Answer a new question about a trial whose pretraining was kept: judge its backbone, and train nothing."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from ftlab.assembly.images import load_images
from ftlab.assembly.probes import make_probe
from ftlab.assembly.trial_parts import make_method, method_class
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.residency import ResidentImages
from ftlab.encoders.encoder import Encoder
from ftlab.errors import CheckpointError
from ftlab.running.feed import Assignment
from ftlab.running.judging.kept_features import KeptFeatures, feature_key
from ftlab.running.kept_backbones import BACKBONE_TAG, JUDGED_TAG, backbones_folder
from ftlab.running.trial_run import judge
from ftlab.study.identity import evaluation_keys
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome
from ftlab.training.backbone_store import BackboneStore, KeptBackbone
from ftlab.training.epoch_result import EpochResult
from ftlab.training.evaluation.probe import Judgement
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS


class JudgedRun:
    """A trial of which only evaluations were missing, with the interface of a `TrialRun`.

    Its record is that of the trial whose backbone was kept; of the last epoch, the findings of those probes are
    replaced that had other settings, and with those of kNN the measures of health.

    Args:
        trial: The trial.
        kept: The backbone of its pretraining.
        digest: Digest of the backbone's file.
        home: Home of caches.
        device: Device of the encoder.

    Raises:
        DataError: The images are missing, or differ from those that the trial was named by.
        CheckpointError: The backbone is of another architecture.

    Attributes:
        history: All epochs of the trial.
        warning: Empty: nothing else can go wrong.
    """

    def __init__(self, trial: Trial, kept: KeptBackbone, digest: str, home: Home, device: torch.device) -> None:
        self._trial = trial
        self._tags = {BACKBONE_TAG: digest, JUDGED_TAG: kept.trial_key}
        self.warning = ""
        *before, last = kept.history
        missing, last = _missing_probes(trial, kept), _without(last, unasked_metrics(trial, kept))
        if missing:
            last = _with(last, judge_encoder(trial, kept, digest, missing, home, device))
        self.history: list[EpochResult] = [*before, last]

    def epochs(self) -> Iterator[EpochResult]:
        """Yield nothing: no epoch is left."""
        return iter(())

    def judge(self) -> Outcome:
        """Return the outcome of the trial, that of its pretraining."""
        return judge(method_class(self._trial.config.method), self.history[-1], self._tags)


def judge_kept(assignment: Assignment, home: Home, device: torch.device) -> JudgedRun | None:
    """Return the run of a trial whose pretraining was kept; None if it must be trained.

    Raises:
        CheckpointError: The file of its backbone is damaged, and was set aside.
        DataError: The images are missing, or differ.
        StorageError: The kept backbones cannot be reached.
    """
    # Others wait for the checkpoints of a trunk; and what shares nothing uses nothing of others.
    if assignment.fork_epochs or not assignment.share:
        return None
    found = BackboneStore(backbones_folder(home)).load(assignment.trial.pretraining_key)
    return None if found is None else JudgedRun(assignment.trial, *found, home, device)


def judge_encoder(
    trial: Trial, kept: KeptBackbone, digest: str, probes: set[str], home: Home, device: torch.device
) -> Judgement:
    """Return the findings of some probes about a kept encoder, with the measures of health if kNN is among them.

    Args:
        trial: The trial, whose images and probes they are.
        kept: The encoder.
        digest: Digest of the backbone's file.
        probes: Names of the probes.
        home: Home of caches.
        device: Device of the encoder.
    """
    config = trial.config
    dataset = load_images(config.data, home, fingerprint=trial.fingerprint)
    encoder = kept_encoder(config, kept, dataset.num_channels, device)
    suite = make_probe(config, dataset, encoder, ResidentImages(dataset.train_images, device), device)
    key = feature_key(digest, config, trial.fingerprint, device)
    features = KeptFeatures(home, device).get(key, suite.extract)
    judged = suite.judge(features, probes)
    health = suite.measure_health(features) if "knn" in probes else {}
    return Judgement({**judged.metrics, **health}, judged.right)


def kept_encoder(config: TrialConfig, kept: KeptBackbone, num_channels: int, device: torch.device) -> Encoder:
    """Return a kept encoder, laid out in memory as it was when it was trained, so that it gives the same bits.

    Args:
        config: The trial that it was kept of, or one with the same pretraining.
        kept: Its weights.
        num_channels: Channels of the images that it was trained on.
        device: Its device.

    Raises:
        CheckpointError: The weights are of another architecture.
    """
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
    encoder = make_method(config, num_channels, device).to(memory_format=layout).encoder
    try:
        encoder.load_state_dict(dict(kept.encoder))
    except RuntimeError as error:
        raise CheckpointError(f"a kept backbone must be of the trial's own architecture: {error}") from error
    return encoder


def _without(last: EpochResult, metrics: set[str]) -> EpochResult:
    kept = {name: value for name, value in last.metrics.items() if name not in metrics}
    return replace(last, metrics=kept, right={name: words for name, words in last.right.items() if name not in metrics})


def _with(last: EpochResult, judged: Judgement) -> EpochResult:
    return replace(last, metrics={**last.metrics, **judged.metrics}, right={**last.right, **judged.right})


def unasked_metrics(trial: Trial, kept: KeptBackbone) -> set[str]:
    """Return the metrics of a kept backbone's last epoch that answer other questions than a trial's."""
    answered = evaluation_keys(trial.config, trial.fingerprint).keys() - _missing_probes(trial, kept)
    others = {metric for probe, metrics in PROBE_METRICS.items() if probe not in answered for metric in metrics}
    return others & kept.history[-1].metrics.keys()


def _missing_probes(trial: Trial, kept: KeptBackbone) -> set[str]:
    keys = evaluation_keys(trial.config, trial.fingerprint)
    return {probe for probe, key in keys.items() if kept.evaluations.get(probe) != key}
