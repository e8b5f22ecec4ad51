"""Judge features without a training: raw pixels, or those of an encoder as it was initialised."""

from collections.abc import Callable

import torch
from torch import nn

from ftlab.assembly.images import load_images
from ftlab.assembly.probes import make_probe
from ftlab.assembly.trial_parts import make_method
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.encoders.encoder import Encoder
from ftlab.running.floor_records import FloorRecord
from ftlab.running.judging.kept_features import Extract
from ftlab.study.floors import Floor, FloorKind
from ftlab.training.evaluation.features import Features


def judge_floor(floor: Floor, home: Home, device: torch.device) -> FloorRecord:
    """Return the findings of a floor.

    Args:
        floor: The floor.
        home: Home of data sets and of the cache.
        device: Device of the encoder.

    Raises:
        DataError: The images are missing, or differ from those that the floor was named by.
    """
    dataset = load_images(floor.config.data, home, fingerprint=floor.fingerprint)
    return judge_frozen(floor.config, dataset, _encoder(floor, dataset, device), device)


def judge_frozen(
    config: TrialConfig,
    dataset: ImageDataset,
    encoder: Encoder,
    device: torch.device,
    get: Callable[[Extract], Features] = lambda extract: extract(),
) -> FloorRecord:
    """Return the findings of a trial's probes about the features of an encoder, which are computed once.

    Args:
        config: The trial.
        dataset: The images.
        encoder: The encoder.
        device: Its device.
        get: Returns the features, given what computes them, see `ftlab.running.judging.kept_features`.
    """
    suite = make_probe(config, dataset, encoder, ResidentImages(dataset.train_images, device), device)
    judged = suite.judge(get(suite.extract))
    return FloorRecord(judged.metrics, judged.right, dataset.num_classes)


def _encoder(floor: Floor, dataset: ImageDataset, device: torch.device) -> Encoder:
    if floor.kind is FloorKind.PIXELS:
        return Encoder(nn.Flatten(), nn.Identity(), dataset.num_channels * floor.config.view_size**2)
    return make_method(floor.config, dataset.num_channels, device).encoder
