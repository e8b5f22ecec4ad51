"""The data of a study: its fingerprint, and whether every trial fits it."""

from collections.abc import Iterable

import numpy as np

from ftlab.build.data import load_images
from ftlab.config.home import Home
from ftlab.config.trial import DataConfig, TrialConfig
from ftlab.tuning.spec import check_against_data


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
        check_against_data(config, len(dataset.train_labels), smallest_class)
    return dataset.fingerprint
