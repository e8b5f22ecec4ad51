"""From data settings to images; imports no torch, so that a driver can name its trials without paying for it."""

from pathlib import Path

from ftlab.config.trial import DataConfig
from ftlab.data.cache import DatasetSource, ImageDataset, load_dataset


def make_source(config: DataConfig) -> DatasetSource:
    """Turn data settings into the source that the cache reads."""
    return DatasetSource(
        name=config.name,
        root=Path(config.root).expanduser() if config.root else None,
        image_size=config.image_size,
        class_list=Path(config.class_list).expanduser() if config.class_list else None,
        corrupt_images=config.corrupt_images,
        download=config.download,
    )


def load_images(config: DataConfig, home: Path) -> ImageDataset:
    """Load images through the cache below ``home``.

    Raises:
        DataError: They are missing, damaged or empty.
    """
    return load_dataset(make_source(config), home)
