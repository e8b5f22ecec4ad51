"""Image folders: ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``, or a subset of their classes.

Tiny-ImageNet is read as its archive lays it out: ``val/images/*`` with the classes in ``val/val_annotations.txt``.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.data.sets.annotations import Entry, annotated_entries, has_annotations
from ftlab.data.sets.decoding import ImageFile, file_chunks, is_grayscale
from ftlab.data.sets.reader import DecodedDataset
from ftlab.errors import DataError, nearest

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
TEST_FOLDERS = ("test", "val")
MAX_DEPTH = 32
MAX_LIST_CHARACTERS = 2**20
LAYOUT = "Expected layout: ROOT/train/CLASS/IMAGE and ROOT/test/CLASS/IMAGE (or ROOT/val/...), with " + ", ".join(
    IMAGE_SUFFIXES
)


@dataclass(frozen=True)
class FolderReader:
    """Reads class folders of images of any size, in the order of their names.

    Images of one channel are decoded to one channel if all images of the folder have one, else everything is RGB.

    Attributes:
        class_names: Names of the class folders, sorted.
        train: Training files, class by class.
        test: Test files, class by class.
        image_size: Side of the decoded images, in pixels.
    """

    class_names: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    image_size: int

    def listing(self) -> list[str]:
        """Return the classes, then name, size and modification time of each file."""
        files = (*self.train, *self.test)
        return [*self.class_names, *(f"{file.name} {file.num_bytes} {file.mtime_ns}" for file in files)]

    def decode(self) -> DecodedDataset:
        """Decode on all cores; files that cannot be decoded are named in their chunk."""
        num_channels = 1 if all(is_grayscale(file.path) for file in (*self.train, *self.test)) else 3
        return DecodedDataset(
            class_names=self.class_names,
            train=file_chunks(self.train, num_channels, self.image_size),
            test=file_chunks(self.test, num_channels, self.image_size),
        )


def open_folder(root: Path, image_size: int, class_list: Path | None) -> FolderReader:
    """List the images of a folder.

    Args:
        root: Folder that holds train/ and test/ (or val/).
        image_size: Side of the decoded images, in pixels.
        class_list: File that names one class folder a line; what follows a # is a comment. None takes all classes.

    Raises:
        DataError: A folder or a class is missing, unknown or without images.
    """
    train = _split_folder(root, ("train",))
    found = _class_folders(train)
    class_names = found if class_list is None else _read_class_list(class_list, found)
    # the archive's test/ has no classes
    annotated = has_annotations(root / "val")
    test = root / "val" if annotated else _split_folder(root, TEST_FOLDERS)
    entries = (
        annotated_entries(test) if annotated else {name: _entries_of(test / name) for name in _class_folders(test)}
    )
    unknown = sorted(set(entries) - set(found))
    if unknown and class_list is None:
        raise DataError(
            f"Each class in {test} must also be in {train}, but got {unknown[0]!r}.{nearest(unknown[0], found)}"
        )
    train_entries = {name: _entries_of(train / name) for name in class_names}
    return FolderReader(
        class_names, _list_split(train, class_names, train_entries), _list_split(test, class_names, entries), image_size
    )


def _split_folder(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    looked = " or ".join(str(root / name) for name in names)
    raise DataError(f"The image folder {looked} does not exist. {LAYOUT}.")


def _class_folders(split: Path) -> tuple[str, ...]:
    names = sorted(entry.name for entry in os.scandir(split) if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise DataError(f"{split} must hold one folder a class, but it holds none. {LAYOUT}.")
    return tuple(names)


def _read_class_list(path: Path, found: Sequence[str]) -> tuple[str, ...]:
    if not path.is_file():
        raise DataError(f"The class list {path} does not exist; it names one class folder a line.")
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        text = file.read(MAX_LIST_CHARACTERS + 1)
    if len(text) > MAX_LIST_CHARACTERS:
        raise DataError(f"The class list {path} must have at most {MAX_LIST_CHARACTERS:,} characters, but has more.")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    names = [line for line in lines if line]
    for position, name in enumerate(names):
        if name not in found:
            raise DataError(f"{path} names the class {name!r}, which has no folder.{nearest(name, found)}")
        if name in names[:position]:
            raise DataError(f"{path} must name each class once, but it names {name!r} twice.")
    if not names:
        raise DataError(f"The class list {path} must name at least one class folder, but it names none.")
    return tuple(sorted(names))


def _list_split(
    split: Path, class_names: Sequence[str], entries: Mapping[str, Sequence[Entry]]
) -> tuple[ImageFile, ...]:
    for name in class_names:
        if not entries.get(name):
            raise DataError(f"Each class must have images, but {split / name} has none. {LAYOUT}.")
    return tuple(_image_file(entry, split, label) for label, name in enumerate(class_names) for entry in entries[name])


def _entries_of(folder: Path) -> list[Entry]:
    return list(_image_entries(folder)) if folder.is_dir() else []


def _image_entries(folder: Path | str, depth: int = 0) -> Iterator[Entry]:
    if depth > MAX_DEPTH:
        raise DataError(f"Images must lie at most {MAX_DEPTH} folders below their class, but {folder} lies deeper.")
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _image_entries(entry.path, depth + 1)
        elif entry.name.lower().endswith(IMAGE_SUFFIXES):
            yield entry


def _image_file(entry: Entry, split: Path, label: int) -> ImageFile:
    try:
        stat = entry.stat()
    except FileNotFoundError:  # a dangling link: decoding will name it as unreadable
        stat = entry.stat(follow_symlinks=False)
    name = entry.path.removeprefix(f"{split.parent}{os.sep}")
    return ImageFile(entry.path, name, label, stat.st_size, stat.st_mtime_ns)
