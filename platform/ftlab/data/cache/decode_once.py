"""The decode-once cache: memory-mapped uint8 images, named by their content; does not import torch.

``cache/<fingerprint>/`` holds the arrays and ``meta.json``. ``cache/index/<source digest>.json`` says which
fingerprint a source was decoded to, so that unchanged files are never decoded again.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import astuple, replace
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from re import fullmatch
from typing import BinaryIO

from ftlab.data.cache.build import build_folder
from ftlab.data.cache.image_dataset import ImageDataset, open_image_dataset
from ftlab.data.sets.catalogue import DatasetSource, open_reader
from ftlab.data.sets.image_folder import FolderReader
from ftlab.data.sets.reader import Reader
from ftlab.errors import DataError
from ftlab.storage.local import LocalFolder
from ftlab.storage.plain_file import open_lock, read_plain
from ftlab.storage.sealed_json import DamagedError, Shape, read_sealed, sealed, set_aside

__all__ = ["DatasetSource", "ImageDataset", "load_dataset"]

CACHE_FORMAT = 2


def _fingerprint(value: object) -> bool:
    # Nothing else may become a part of a path.
    return isinstance(value, str) and fullmatch("[0-9a-f]{32}", value) is not None


_INDEX: Shape = {"fingerprint": _fingerprint, "name": str, "skipped": [str]}
DIGEST_LENGTH = 32


def load_dataset(source: DatasetSource, home: Path, cache: Path | None = None) -> ImageDataset:
    """Return a data set from the cache, decoding it first if its files are new or have changed.

    Safe in several processes at once: on one machine they wait for the first; elsewhere the first to finish wins.

    Args:
        source: The data set, and how to decode it.
        home: Folder that data sets are downloaded below.
        cache: Folder of the cache; None means ``home/cache``.

    Raises:
        DataError: The data set is unknown, missing, damaged or empty, or the cache cannot be written.
    """
    reader = open_reader(source, home)
    indices = (cache or home / "cache") / "index"
    # listing may download, and two processes that write the same archive would damage it
    with _locked(indices / f"{source.name}.lock") if source.download else nullcontext():
        index = indices / f"{_source_digest(source, reader)}.json"
    dataset = _open_indexed(index, source.name)
    if dataset is None:
        with _locked(index.with_suffix(".lock")):
            dataset = _open_indexed(index, source.name) or _decode(source, reader, index)
    return replace(dataset, left_out=reader.left_out) if isinstance(reader, FolderReader) else dataset


def _source_digest(source: DatasetSource, reader: Reader) -> str:
    """Return a digest of all that decides the decoding: settings, and the listing of files with sizes and times."""
    decisive = [CACHE_FORMAT, source.name, str(source.root and source.root.resolve()), source.image_size]
    decisive += [source.short_side, source.corrupt_images, reader.listing()]
    content = json.dumps([*decisive, astuple(source.selection)] if source.selection.chooses else decisive)
    return sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]


def _open_indexed(index: Path, name: str) -> ImageDataset | None:
    try:
        entry, _ = read_sealed(read_plain(index), _INDEX)
    except OSError:  # a missing entry only means decoding again
        return None
    except DamagedError as error:
        set_aside(LocalFolder(index.parent), index.name, f"{error}; the images are decoded again")
        return None
    return open_image_dataset(index.parent.parent / entry["fingerprint"], name, tuple(entry["skipped"]))


def _decode(source: DatasetSource, reader: Reader, index: Path) -> ImageDataset:
    if isinstance(reader, FolderReader):
        _check_space(reader.decoded_bytes(), index.parent.parent)
    fingerprint, skipped = build_folder(reader.decode(), source.corrupt_images, index.parent.parent)
    entry = {"fingerprint": fingerprint, "name": source.name, "skipped": skipped}
    LocalFolder(index.parent).write(index.name, sealed(entry))
    dataset = _open_indexed(index, source.name)
    if dataset is None:
        raise DataError(f"The cache folder {index.parent.parent / fingerprint} must stay in place, but it disappeared.")
    return dataset


def _check_space(needed: int, cache: Path) -> None:
    """Refuse to fill a disk, which would be noticed hours later."""
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise DataError(
            f"The cache of decoded images must have room for about {needed / 1e9:.1f} GB, but {cache} has "
            f"{free / 1e9:.1f} GB. Free some, let FTLAB_CACHE name a folder on another disk, or lower data.short_side "
            "or data.image_size."
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process of this machine in at a time, so that eight workers do not do the same work eight times."""
    with _open_lock(path) as lock:
        with suppress(OSError):  # some network file systems have no locks: work is repeated, but never damaged
            flock(lock, LOCK_EX)  # given back by the kernel when its holder dies
        yield


def _open_lock(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_lock(path)
    except OSError as error:
        raise DataError(
            f"The image cache must be a folder that can be written, but {error.filename} is not: {error.strerror}. "
            "FTLAB_CACHE may name another folder for the files that a node makes for itself."
        ) from error
