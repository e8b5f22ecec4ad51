"""Judge a frozen backbone on other images, all probes by features that are computed once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from ftlab.assembly.images import load_images
from ftlab.assembly.probes import make_probe
from ftlab.config.home import Home
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.encoders.channel_adapter import ChannelAdapter
from ftlab.encoders.encoder import Encoder
from ftlab.errors import CheckpointError
from ftlab.running.floor_judge import judge_frozen
from ftlab.running.floor_records import FloorRecord
from ftlab.running.judged_run import kept_encoder
from ftlab.running.judging.kept_features import Extract, KeptFeatures, feature_key
from ftlab.running.kept_backbones import backbones_folder
from ftlab.running.transfer.weights_reader import read_weights
from ftlab.study.transfer import AnyTransfer, Transfer, WeightsTransfer
from ftlab.training.backbone_store import BackboneStore
from ftlab.training.evaluation.features import Features


class FrozenBackbone(NamedTuple):
    """A backbone, and the images that it sees.

    Attributes:
        encoder: Takes the intensities of the images and normalises them itself.
        images: The images; their mean and deviation are those of intensities.
        mean: Mean of each channel of the backbone that it normalises by.
        std: Deviation of each, likewise.
        digest: Digest of the file of a kept backbone, or of the weights of another.
    """

    encoder: Encoder
    images: ImageDataset
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str


def judge_transfer(transfer: AnyTransfer, home: Home, device: torch.device) -> FloorRecord:
    """Return the findings of the probes of a transfer.

    Args:
        transfer: The backbone and the images.
        home: Home of kept backbones, data sets and the cache.
        device: Device of the encoder.

    Raises:
        CheckpointError: The backbone is not kept any more, is damaged and was set aside, or is not what the transfer
            was named by.
        DataError: Images are missing, or differ from those that the transfer was named by.
    """
    frozen = freeze(transfer, home, device)
    get = _getter(transfer, frozen, home, device)
    return judge_frozen(transfer.config, frozen.images, frozen.encoder, device, get)


def features_of(transfer: AnyTransfer, frozen: FrozenBackbone, home: Home, device: torch.device) -> Features:
    """Return the features that the probes of a transfer judge.

    Args:
        transfer: The backbone and the images.
        frozen: See `freeze`.
        home: Home of the features that are kept.
        device: Device of the encoder.
    """
    train = ResidentImages(frozen.images.train_images, device)
    suite = make_probe(transfer.config, frozen.images, frozen.encoder, train, device)
    return _getter(transfer, frozen, home, device)(suite.extract)


def _getter(
    transfer: AnyTransfer, frozen: FrozenBackbone, home: Home, device: torch.device
) -> Callable[[Extract], Features]:
    shown = f"{frozen.mean} {frozen.std}"
    key = feature_key(frozen.digest, transfer.config, transfer.fingerprint, device, adapted_to=shown)
    return partial(KeptFeatures(home, device).get, key)


def freeze(transfer: AnyTransfer, home: Home, device: torch.device) -> FrozenBackbone:
    """Return the backbone of a transfer, ready to see its images.

    Args:
        transfer: The backbone and the images.
        home: Home of kept backbones, data sets and the cache.
        device: Device of the encoder.

    Raises:
        CheckpointError: See `judge_transfer`.
        DataError: Likewise.
    """
    found = _kept(transfer, home, device) if isinstance(transfer, Transfer) else _made_elsewhere(transfer, device)
    encoder, mean, std, digest = found
    images = load_images(transfer.config.data, home, fingerprint=transfer.fingerprint)
    channels = images.num_channels
    adapter = ChannelAdapter(channels, len(mean), mean, std).to(device)
    adapted = Encoder(nn.Sequential(adapter, encoder.backbone), encoder.projection_head, encoder.num_features)
    plain = replace(images, channel_mean=(0.0,) * channels, channel_std=(1.0,) * channels)
    return FrozenBackbone(adapted, plain, mean, std, digest)


# An encoder, mean and deviation of each channel of the images that it takes, and its digest.
_Found = tuple[Encoder, tuple[float, ...], tuple[float, ...], str]


def _kept(transfer: Transfer, home: Home, device: torch.device) -> _Found:
    trial = transfer.trial
    known = load_images(trial.config.data, home, fingerprint=trial.fingerprint)
    found = BackboneStore(backbones_folder(home)).load(trial.pretraining_key)
    if found is None:
        raise CheckpointError(f"the backbone of {trial.name} must be kept, but is gone; make sweep trains it again.")
    encoder = kept_encoder(trial.config, found[0], known.num_channels, device)
    return encoder, known.channel_mean, known.channel_std, found[1]


def _made_elsewhere(transfer: WeightsTransfer, device: torch.device) -> _Found:
    read = read_weights(transfer.weights)
    if read.digest != transfer.digest:
        raise CheckpointError(
            f"{transfer.weights.path} must hold the weights that this command began with, digest {transfer.digest}, "
            f"but holds others: {read.digest}."
        )
    return read.encoder().to(device), read.mean, read.std, read.digest
