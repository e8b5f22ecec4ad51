"""The data of a search: its fingerprint, and whether every trial of the space fits it."""

import numpy as np

from ftlab.build.data import load_images
from ftlab.config.home import Home
from ftlab.tuning.search.spec import SearchSpec
from ftlab.tuning.spec import check_against_data


def fingerprint_data(spec: SearchSpec, home: Home) -> str:
    """Return the digest of the data's content; decodes the data set the first time.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: Settings of the space do not fit the number of images.
    """
    dataset = load_images(spec.study.data, home)
    smallest_class = int(np.bincount(dataset.train_labels, minlength=dataset.num_classes).min())
    for config in spec.examples:
        check_against_data(config, len(dataset.train_labels), smallest_class)
    return dataset.fingerprint
