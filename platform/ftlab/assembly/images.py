"""Load images by data settings; imports no torch, so that a driver can name its trials without waiting for it."""

import platform
from pathlib import Path

from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.data.cache.decode_once import DatasetSource, ImageDataset, load_dataset
from ftlab.data.sets.selection import Selection
from ftlab.errors import DataError


def make_source(config: DataConfig) -> DatasetSource:
    """Turn data settings into the source that the cache reads."""
    return DatasetSource(
        name=config.name,
        root=Path(config.root).expanduser() if config.root else None,
        image_size=config.image_size,
        short_side=config.short_side,
        selection=Selection(config.held_out, config.max_per_class, config.imbalance),
        class_list=Path(config.class_list).expanduser() if config.class_list else None,
        corrupt_images=config.corrupt_images,
        download=config.download,
    )


def load_images(config: DataConfig, home: Home, *, fingerprint: str | None = None) -> ImageDataset:
    """Load images through the cache of this node.

    Args:
        config: The data settings: the images and their folder.
        home: Home of data sets and of the cache.
        fingerprint: Fingerprint that the images must have, for a trial named by it; None takes any images.

    Raises:
        DataError: The images are missing, damaged or empty, or have another fingerprint.
    """
    dataset = load_dataset(make_source(config), home.local, home.node / "cache")
    if fingerprint not in (None, dataset.fingerprint):
        place = f"in {config.root}" if config.root else f"of {config.name!r}"
        raise DataError(
            f"Every node must hold the images that the driver named the trial by, but those {place} on "
            f"{platform.node()} differ: fingerprint {dataset.fingerprint}, not {fingerprint}. "
            "Copy the driver's files there, or set data.root to a folder that all nodes share."
        )
    return dataset
