"""Build one folder of the cache beside its final place, then rename it, so that no reader ever sees half of it."""

import shutil
import time
from collections.abc import Sequence
from errno import EEXIST, ENOTEMPTY
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ftlab.data.cache.content_check import fingerprint_of, record_check
from ftlab.data.cache.image_dataset import META_FILE, open_image_dataset
from ftlab.data.cache.split_writer import WrittenSplit, write_split
from ftlab.data.sets.reader import DecodedDataset
from ftlab.errors import DataError
from ftlab.storage.sealed_json import sealed

NUM_NAMED_FILES = 5
BUILDING_PREFIX = ".building-"
ABANDONED_AFTER_SECONDS = 24 * 3600


def build_folder(
    decoded: DecodedDataset, corrupt_images: Literal["refuse", "skip"], cache: Path
) -> tuple[str, tuple[str, ...]]:
    """Decode a data set into ``cache/<fingerprint>``, or use that folder if another process was faster.

    Args:
        decoded: The data set; both splits are consumed.
        corrupt_images: Whether unreadable files are an error or are left out.
        cache: Existing folder ``home/cache``.

    Returns:
        The fingerprint, and the files that were left out, each with the reason.

    Raises:
        DataError: Files are unreadable and may not be skipped, or a class is left without images.
    """
    _remove_abandoned(cache)
    building = cache / f"{BUILDING_PREFIX}{uuid4().hex}"
    building.mkdir()
    try:
        train = write_split(decoded.train, building, "train", len(decoded.class_names))
        test = write_split(decoded.test, building, "test", len(decoded.class_names))
        # A name that is no UTF-8 is spelled out: this is read by people and stored as text.
        unreadable = (*train.unreadable, *test.unreadable)
        skipped = tuple(file.encode(errors="backslashreplace").decode() for file in unreadable)
        if skipped and corrupt_images == "refuse":
            _refuse(skipped, len(skipped) + train.num_images + test.num_images)
        _check_classes(decoded.class_names, train, test)
        meta = _meta(decoded.class_names, train, test)
        fingerprint = fingerprint_of(meta["class_names"], meta["digests"])
        (building / META_FILE).write_bytes(sealed(meta))
        record_check(building, fingerprint)
        publish(building, cache / fingerprint)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return fingerprint, skipped


def publish(building: Path, folder: Path) -> None:
    """Rename a finished folder to its final name, unless a complete one is there already.

    Args:
        building: Finished folder on the same file system; it is left in place if it is not needed.
        folder: ``home/cache/<fingerprint>``; an incomplete one is replaced.
    """
    while open_image_dataset(folder, "", ()) is None:
        if folder.exists():
            _discard(folder)
        try:
            building.rename(folder)
        except OSError as error:
            # another process renamed its folder between our look and our rename: look again
            if error.errno not in (ENOTEMPTY, EEXIST):
                raise
        else:
            # a process that looked before us may still discard our folder, but then puts an equal one in its place
            return


def _discard(folder: Path) -> None:
    """Move a folder out of the way in one step, then delete it."""
    aside = folder.with_name(f"{BUILDING_PREFIX}{uuid4().hex}")
    try:
        folder.rename(aside)
    except FileNotFoundError:  # another process discarded it first
        return
    shutil.rmtree(aside, ignore_errors=True)


def _remove_abandoned(cache: Path) -> None:
    """Delete the unfinished folders of killed processes."""
    for folder in cache.glob(f"{BUILDING_PREFIX}*"):
        newest = max((path.stat().st_mtime for path in (folder, *folder.glob("*"))), default=0.0)
        if time.time() - newest > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse(unreadable: Sequence[str], num_files: int) -> None:
    more = len(unreadable) - NUM_NAMED_FILES
    named = "; ".join(unreadable[:NUM_NAMED_FILES]) + (f"; and {more} more" if more > 0 else "")
    raise DataError(
        f"All images must be readable, but {len(unreadable)} of {num_files} are not: {named}. "
        'Repair or remove them, or leave them out with SET="data.corrupt_images=skip".'
    )


def _check_classes(class_names: Sequence[str], train: WrittenSplit, test: WrittenSplit) -> None:
    for kind, split in (("training", train), ("test", test)):
        for name, count in zip(class_names, split.label_counts, strict=True):
            if count == 0 and (split is train or split.unreadable):
                raise DataError(f"Each class must have a readable {kind} image, but {name!r} has none.")
    if test.num_images == 0:
        raise DataError("There must be readable test images, but there are none.")


def _meta(class_names: Sequence[str], train: WrittenSplit, test: WrittenSplit) -> dict[str, Any]:
    mean, std = train.histogram.mean_and_std()
    return {
        "class_names": list(class_names),
        "channel_mean": mean,
        "channel_std": std,
        "train_shape": train.image_shape,
        "test_shape": test.image_shape,
        "train_label_counts": train.label_counts,
        "test_label_counts": test.label_counts,
        "digests": {**train.digests, **test.digests},
    }
