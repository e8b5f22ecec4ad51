"""The known data sets and the reader of each; does not import torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from ftlab.data.sets.decoding import Fit
from ftlab.data.sets.digits import DigitsReader
from ftlab.data.sets.image_folder import open_folder
from ftlab.data.sets.reader import Reader
from ftlab.data.sets.selection import EVERY_IMAGE, Selection
from ftlab.data.sets.torchvision_sets import SETS, TorchvisionReader
from ftlab.errors import DataError, nearest
from ftlab.plugins import load_plugin, plugin_names

BUILT_IN = ("digits", *SETS, "folder")
DATASET_NAMES = (*BUILT_IN, *(name for name in plugin_names("data") if name not in BUILT_IN))


@dataclass(frozen=True)
class DatasetSource:
    """A data set to load, with the settings of its decoding.

    Attributes:
        name: One of `DATASET_NAMES`.
        root: Folder that holds the files. None means ``home/data`` for torchvision's sets; a folder needs one.
        image_size: Side of the cached square images, in pixels.
        class_list: File with one class folder a line, to take a subset of a folder's classes.
        corrupt_images: Whether images that cannot be decoded are an error or are left out and recorded.
        download: Whether a missing set of torchvision's may be downloaded.
        short_side: Short side of the cached images of a folder, in pixels; they keep their aspect ratio and are never
            enlarged. None makes squares of ``image_size``.
        selection: The images that are taken.
    """

    name: str
    root: Path | None
    image_size: int
    class_list: Path | None = None
    corrupt_images: Literal["refuse", "skip"] = "refuse"
    download: bool = False
    short_side: int | None = None
    selection: Selection = EVERY_IMAGE

    @property
    def fit(self) -> Fit:
        """Size of the cached images."""
        return Fit(self.image_size) if self.short_side is None else Fit(self.short_side, keeps_shape=True)


# What an entry point of `ftlab.data` names: it takes the data set and the home, as `open_reader` does.
OpenReader = Callable[[DatasetSource, Path], Reader]


def open_reader(source: DatasetSource, home: Path) -> Reader:
    """Return the reader of a data set, without decoding anything.

    Args:
        source: The data set.
        home: Folder of everything ftlab keeps; data sets are downloaded to ``home/data``.

    Raises:
        DataError: The name is unknown, the files are not where they were looked for, or a setting has no effect.
    """
    if source.name not in DATASET_NAMES:
        raise DataError(
            f"data.name must be a known data set, but got {source.name!r}.{nearest(source.name, DATASET_NAMES)}"
        )
    if source.class_list is not None and source.name != "folder":
        raise DataError(f"data.class_list selects classes of an image folder, but got data.name={source.name!r}.")
    if source.short_side is not None and source.name != "folder":
        raise DataError(f"data.short_side keeps the shape of a folder's images, but got data.name={source.name!r}.")
    if source.name not in BUILT_IN:
        if source.selection.chooses:
            raise DataError(
                "data.held_out, data.max_per_class and data.imbalance choose among built-in data sets and folders, but "
                f"got data.name={source.name!r}; nearest valid: leave them out."
            )
        open_added = cast("OpenReader", load_plugin("data", source.name, object))
        return open_added(source, home)
    if source.name == "digits":
        return DigitsReader(source.image_size, source.selection)
    if source.name != "folder":
        root = source.root or home / "data"
        return TorchvisionReader(source.name, root, source.image_size, source.download, source.selection)
    if source.root is None:
        raise DataError('data.name="folder" needs data.root, the folder that holds train/ and test/, but it is empty.')
    return open_folder(source.root, source.fit, source.class_list, source.selection)
