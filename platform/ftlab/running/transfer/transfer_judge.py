"""Judge a kept backbone on other images, all probes by features that are computed once."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.encoders.channel_adapter import ChannelAdapter
from ftlab.encoders.encoder import Encoder
from ftlab.errors import CheckpointError
from ftlab.running.floor_judge import judge_frozen
from ftlab.running.floor_records import FloorRecord
from ftlab.running.judged_run import kept_encoder
from ftlab.running.judging.kept_features import KeptFeatures, feature_key
from ftlab.running.kept_backbones import backbones_folder
from ftlab.study.transfer import Transfer
from ftlab.training.backbone_store import BackboneStore


def judge_transfer(transfer: Transfer, home: Home, device: torch.device) -> FloorRecord:
    """Return the findings of a trial's probes on other images.

    Args:
        transfer: The trial and the images.
        home: Home of kept backbones, data sets and the cache.
        device: Device of the encoder.

    Raises:
        CheckpointError: The backbone is not kept any more, or is damaged and was set aside.
        DataError: Images are missing, or differ from those that the transfer was named by.
    """
    trial = transfer.trial
    known = load_images(trial.config.data, home, fingerprint=trial.fingerprint)
    found = BackboneStore(backbones_folder(home)).load(trial.pretraining_key)
    if found is None:
        raise CheckpointError(f"the backbone of {trial.name} must be kept, but is gone; make sweep trains it again.")
    kept, digest = found
    encoder = kept_encoder(trial.config, kept, known.num_channels, device)
    images = load_images(transfer.config.data, home, fingerprint=transfer.fingerprint)
    channels = images.num_channels
    adapter = ChannelAdapter(channels, known.num_channels, known.channel_mean, known.channel_std).to(device)
    adapted = Encoder(nn.Sequential(adapter, encoder.backbone), encoder.projection_head, encoder.num_features)
    # The adapter normalises: what it gets are intensities.
    plain = replace(images, channel_mean=(0.0,) * channels, channel_std=(1.0,) * channels)
    key = feature_key(digest, transfer.config, transfer.fingerprint, device, adapted_from=trial.fingerprint)
    return judge_frozen(transfer.config, plain, adapted, device, partial(KeptFeatures(home, device).get, key))
