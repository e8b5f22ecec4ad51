"""The fingerprint of a study's data, and a check that every trial fits the data."""

from collections.abc import Iterable

import numpy as np

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError


def fingerprint_data(data: DataConfig, configs: Iterable[TrialConfig], home: Home) -> str:
    """Return the digest of the data's content; decodes the data set the first time.

    Args:
        data: The data settings, which all trials share.
        configs: Trials that the data must fit.
        home: Home of the image cache.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: Settings of a trial do not fit the number of images.
    """
    dataset = load_images(data, home)
    smallest_class = int(np.bincount(dataset.train_labels, minlength=dataset.num_classes).min())
    for config in configs:
        check_against_data(config, len(dataset.train_images), dataset.num_labelled, smallest_class)
    return dataset.fingerprint


def check_against_data(config: TrialConfig, num_images: int, num_labelled: int, smallest_class: int) -> None:
    """Check a trial against the size of its data set, before any compute.

    Args:
        config: The trial.
        num_images: Number of training images.
        num_labelled: Number of training images with a label.
        smallest_class: Number of labelled training images in the smallest class.

    Raises:
        ConfigError: The batch, the neighbours or the few-shot labels outnumber the images.
    """
    limits = [
        ("train.batch_size", config.train.batch_size, num_images, "the number of training images"),
        ("probe.knn_k", config.probe.knn_k, num_labelled, "the number of labelled training images"),
        ("probe.few_shot_labels", config.probe.few_shot_labels, smallest_class, "the smallest class's images"),
    ]
    for name, value, limit, meaning in limits:
        if value > limit:
            raise ConfigError(f"{name} must be at most {meaning}, but got {value}; nearest valid: {limit}.")
