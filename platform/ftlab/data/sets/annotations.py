"""Tiny-ImageNet's validation split: every image in one folder, and a text file that names its class."""

import os
from collections import Counter
from pathlib import Path
from typing import TypeAlias

from ftlab.data.sets.folder_rules import reason_to_leave_out
from ftlab.errors import DataError

ANNOTATIONS = "val_annotations.txt"
IMAGES = "images"

Entry: TypeAlias = "os.DirEntry[str]"


def has_annotations(split: Path) -> bool:
    """Return whether a split is laid out as in Tiny-ImageNet's archive."""
    return (split / ANNOTATIONS).is_file() and (split / IMAGES).is_dir()


def annotated_entries(split: Path, left_out: Counter[str]) -> dict[str, list[Entry]]:
    """Return the images of each class, in the order of their names.

    Args:
        split: Folder that holds ``images/`` and ``val_annotations.txt``, whose lines begin with an image and its class,
            separated by tabs.
        left_out: Counts the files that are no images, by reason; see `ftlab.data.sets.folder_rules`.

    Raises:
        DataError: A line names no class or an image that is not there, or an image is named by no line.
    """
    classes = _read_classes(split / ANNOTATIONS)
    with os.scandir(split / IMAGES) as entries_there:
        there = {entry.name: entry for entry in sorted(entries_there, key=lambda entry: entry.name)}
    for name in set(there) - set(classes):
        if reason := reason_to_leave_out(name):
            left_out[reason] += 1
            del there[name]
    for image in (*classes, *there):
        if image not in there or image not in classes:
            missing = split / IMAGES if image not in there else split / ANNOTATIONS
            raise DataError(
                f"{split / ANNOTATIONS} must name every image of {IMAGES}/ once, but {image} is not in {missing}."
            )
    entries: dict[str, list[Entry]] = {}
    for image, entry in there.items():
        entries.setdefault(classes[image], []).append(entry)
    return entries


def _read_classes(path: Path) -> dict[str, str]:
    """Return the class of each image."""
    classes: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        image, *rest = line.split("\t")
        if not rest:
            raise DataError(f"Each line of {path} must be an image, a tab and its class, but got {line!r}.")
        classes[image] = rest[0]
    return classes
