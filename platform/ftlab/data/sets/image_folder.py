"""Image folders: ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``, or a subset of their classes.

Tiny-ImageNet is read as its archive lays it out: ``val/images/*`` with the classes in ``val/val_annotations.txt``.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ftlab.data.sets.access import accessing
from ftlab.data.sets.annotations import Entry, annotated_entries, has_annotations
from ftlab.data.sets.decoding import Fit, ImageFile, decoded_bytes, file_chunks, is_grayscale
from ftlab.data.sets.folder_rules import (
    IMAGE_SUFFIXES,
    OUTSIDE,
    describe_left_out,
    is_image_name,
    reason_to_leave_out,
    unseen_reason,
)
from ftlab.data.sets.reader import DecodedDataset
from ftlab.data.sets.selection import EVERY_IMAGE, Selection
from ftlab.errors import DataError, nearest

TEST_FOLDERS = ("test", "val")
MAX_DEPTH = 32
MAX_LIST_CHARACTERS = 2**20
# Raised when the same files are decoded to other pixels, so that no index of before is believed.
DECODING = "decoding 2: upright, at most 8 bits"
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
        fit: Size of the decoded images.
        left_out: Numbers of files and folders that are no images by `ftlab.data.sets.folder_rules`, in words.
    """

    class_names: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    fit: Fit
    left_out: str = ""

    def decoded_bytes(self) -> int:
        """Return the size of all images after decoding, from a few files' headers."""
        return decoded_bytes((*self.train, *self.test), self.fit)

    def listing(self) -> list[str]:
        """Return the classes, then name, size, modification time and permissions of each file."""
        files = (*self.train, *self.test)
        lines = (f"{file.name} {file.num_bytes} {file.mtime_ns} {file.mode:o}" for file in files)
        return [DECODING, *self.class_names, *lines]

    def decode(self) -> DecodedDataset:
        """Decode on all cores; files that cannot be decoded are named in their chunk."""
        num_channels = 1 if all(is_grayscale(file.path) for file in (*self.train, *self.test)) else 3
        return DecodedDataset(
            class_names=self.class_names,
            train=file_chunks(self.train, num_channels, self.fit),
            test=file_chunks(self.test, num_channels, self.fit),
        )


def open_folder(root: Path, fit: Fit, class_list: Path | None, selection: Selection = EVERY_IMAGE) -> FolderReader:
    """List the images of a folder.

    Args:
        root: Folder that holds train/ and test/ (or val/).
        fit: Size of the decoded images.
        class_list: File that names one class folder a line; what follows a # is a comment. None takes all classes.
        selection: The images that are taken.

    Raises:
        DataError: A folder or a class is missing, unknown, unreadable or without images.
    """
    with accessing(root):
        reader = _list_folder(root, fit, class_list)
    return _choose(reader, selection) if selection.chooses else reader


def _choose(reader: FolderReader, selection: Selection) -> FolderReader:
    train_labels, test_labels = (np.array([file.label for file in files]) for files in (reader.train, reader.test))
    rows = selection.apply(train_labels, test_labels, len(reader.train))
    test = reader.train if selection.held_out else reader.test
    return replace(
        reader,
        train=tuple(reader.train[row] for row in rows.train),
        test=tuple(test[row] for row in rows.test),
    )


def _list_folder(root: Path, fit: Fit, class_list: Path | None) -> FolderReader:
    left_out = Counter[str]()
    train = _split_folder(root, ("train",))
    folders = _class_folders(train, left_out)
    class_names = tuple(folders) if class_list is None else _read_class_list(class_list, tuple(folders))
    # the archive's test/ has no classes
    annotated = has_annotations(root / "val")
    test = root / "val" if annotated else _split_folder(root, TEST_FOLDERS)
    if annotated:
        test_entries = annotated_entries(test, left_out)
        unknown = sorted(set(test_entries) - set(folders))
    else:
        test_folders = _class_folders(test, left_out)
        unknown = sorted(set(test_folders) - set(folders))
        test_entries = _entries_of(test_folders, class_names, left_out)
    if unknown and class_list is None:
        raise DataError(
            f"Each class in {test} must also be in {train}, but got {unknown[0]!r}.{nearest(unknown[0], folders)}"
        )
    train_entries = _entries_of(folders, class_names, left_out)
    described = describe_left_out(left_out)
    for split, entries in ((train, train_entries), (test, test_entries)):
        _check_images(split, class_names, entries, described)
    return FolderReader(
        class_names,
        _list_split(train, class_names, train_entries),
        _list_split(test, class_names, test_entries),
        fit,
        described,
    )


def _split_folder(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    looked = " or ".join(str(root / name) for name in names)
    raise DataError(f"The image folder {looked} does not exist. {LAYOUT}.")


def _class_folders(split: Path, left_out: Counter[str]) -> dict[str, Entry]:
    folders: dict[str, Entry] = {}
    for entry in _children(split):
        reason = unseen_reason(entry.name) or ("" if _is_class(entry) else OUTSIDE)
        if reason:
            left_out[reason] += 1
        else:
            folders[entry.name] = entry
    if not folders:
        raise DataError(f"{split} must hold one folder a class, but it holds none. {LAYOUT}.")
    return folders


def _is_class(entry: Entry) -> bool:
    """Return whether an entry is a folder, or a link that may lead to one and cannot be followed."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


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


def _entries_of(
    folders: Mapping[str, Entry], class_names: Sequence[str], left_out: Counter[str]
) -> dict[str, list[Entry]]:
    return {name: list(_image_entries(folders[name], left_out)) for name in class_names if name in folders}


def _check_images(
    split: Path, class_names: Sequence[str], entries: Mapping[str, Sequence[Entry]], left_out: str
) -> None:
    for name in class_names:
        if not entries.get(name):
            others = f" Left out of {split.parent}: {left_out}." if left_out else ""
            raise DataError(f"Each class must have images, but {split / name} has none. {LAYOUT}.{others}")


def _list_split(
    split: Path, class_names: Sequence[str], entries: Mapping[str, Sequence[Entry]]
) -> tuple[ImageFile, ...]:
    return tuple(_image_file(entry, split, label) for label, name in enumerate(class_names) for entry in entries[name])


def _image_entries(folder: Entry, left_out: Counter[str], depth: int = 0) -> Iterator[Entry]:
    if depth > MAX_DEPTH:
        raise DataError(
            f"Images must lie at most {MAX_DEPTH} folders below their class, but {folder.path} lies deeper."
        )
    try:
        entries = _children(folder.path)
    except OSError:  # decoding will name it as unreadable
        yield folder
        return
    for entry in entries:
        descend = _is_folder(entry) and not is_image_name(entry.name)
        reason = unseen_reason(entry.name) if descend else reason_to_leave_out(entry.name)
        if reason:
            left_out[reason] += 1
        elif descend:
            yield from _image_entries(entry, left_out, depth + 1)
        else:
            yield entry


def _children(folder: Path | str) -> list[Entry]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: Entry) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _image_file(entry: Entry, split: Path, label: int) -> ImageFile:
    name = entry.path.removeprefix(f"{split.parent}{os.sep}")
    for follow in (True, False):  # a dangling link has a state of its own
        try:
            stat = entry.stat(follow_symlinks=follow)
        except OSError:  # decoding will name it as unreadable
            continue
        return ImageFile(entry.path, name, label, stat.st_size, stat.st_mtime_ns, stat.st_mode)
    return ImageFile(entry.path, name, label, 0, 0, 0)
