"""Data sets that torchvision knows how to download: CIFAR, STL-10 and Fashion-MNIST."""

from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - the name of an error
from typing import Any

import numpy as np

from ftlab.data.sets.access import accessing
from ftlab.data.sets.decoding import LabelledImages
from ftlab.data.sets.reader import DecodedDataset, Int64Array, UInt8Array
from ftlab.data.sets.selection import EVERY_IMAGE, Selection
from ftlab.errors import DataError

# Errors that torchvision's readers raise on files of another kind.
DAMAGE = (UnpicklingError, EOFError, ValueError, LookupError, TypeError, AssertionError)

# name -> torchvision's class, and the folder below the root that it keeps its files in
SETS = {
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
    "cifar100": ("CIFAR100", "cifar-100-python"),
    "stl10": ("STL10", "stl10_binary"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST/raw"),
}

# torchvision's names of the splits of STL-10, whose images without a label come last
STL10_SPLITS = {"train": "train+unlabeled", "test": "test"}
NO_LABEL = -1


@dataclass(frozen=True)
class TorchvisionReader:
    """Reads one of `SETS`. The training images of STL-10 are the 5,000 with a label and then the 100,000 without.

    Attributes:
        name: Key of `SETS`.
        root: Folder that torchvision's files lie below.
        image_size: Side of the decoded images, in pixels.
        download: Whether missing files may be downloaded.
        selection: The images that are taken.
    """

    name: str
    root: Path
    image_size: int
    download: bool
    selection: Selection = EVERY_IMAGE

    @property
    def folder(self) -> Path:
        """Folder of the raw files."""
        return self.root / SETS[self.name][1]

    def listing(self) -> list[str]:
        """Return name, size and modification time of each raw file, downloading them first if that is allowed.

        Raises:
            DataError: The files are missing and ``download`` is off, the download fails, or they cannot be looked at.
        """
        with accessing(self.folder):
            return self._list_files()

    def _list_files(self) -> list[str]:
        if not self._raw_files():
            if not self.download:
                raise DataError(
                    f"{self.name} must lie in {self.folder}, but nothing is there. "
                    f'Download it with SET="data.download=true", or set data.root to the folder that holds '
                    f"{SETS[self.name][1]}."
                )
            self._load("train")
        stats = [(path.name, path.stat()) for path in self._raw_files()]
        splits = [STL10_SPLITS["train"]] if self.name == "stl10" else []
        return [*splits, *(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)]

    def decode(self) -> DecodedDataset:
        """Read both splits into memory and resize them.

        Raises:
            DataError: Files are missing or damaged and ``download`` is off, or the download fails.
        """
        train, test = self._load("train"), self._load("test")
        chosen_train, chosen_test = self.selection.take(_in_memory(train), _in_memory(test))
        return DecodedDataset(
            class_names=tuple(getattr(train, "classes", None) or (str(label) for label in range(10))),
            train=chosen_train.chunks(self.image_size),
            test=chosen_test.chunks(self.image_size),
        )

    def _raw_files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    def _load(self, split: str) -> Any:
        from torchvision import datasets

        dataset_class = getattr(datasets, SETS[self.name][0])
        chosen = {"split": STL10_SPLITS[split]} if self.name == "stl10" else {"train": split == "train"}
        try:
            return dataset_class(self.root, download=self.download, **chosen)
        except (*DAMAGE, RuntimeError, OSError, HTTPException) as error:
            reason = " ".join(str(error).split())
            if self.download:
                raise DataError(
                    f"{self.name} could not be downloaded to {self.root}: {reason}. If this machine is offline, "
                    f"download it elsewhere and copy the folder {SETS[self.name][1]} into {self.root}."
                ) from error
            raise DataError(
                f"{self.name} in {self.folder} is incomplete or damaged: {reason}. "
                'Delete that folder and download it again with SET="data.download=true".'
            ) from error


def _in_memory(dataset: Any) -> LabelledImages:
    labels = _as_int64(dataset.labels if hasattr(dataset, "labels") else dataset.targets)
    return LabelledImages(_channels_first(dataset.data), labels[labels != NO_LABEL])


def _channels_first(pixels: Any) -> UInt8Array:
    """Return (N, channels, H, W) from (N, H, W), (N, H, W, 3) or (N, 3, H, W)."""
    images: UInt8Array = np.asarray(pixels, dtype=np.uint8)
    if images.ndim == 3:
        return images[:, None]
    return images if images.shape[1] == 3 else images.transpose(0, 3, 1, 2)


def _as_int64(labels: Any) -> Int64Array:
    return np.asarray(labels, dtype=np.int64)
