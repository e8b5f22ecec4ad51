"""Check that a folder of the cache holds what its name says, which is the digest of its content.

The content is digested once in each process. Where it is larger than `FULL_BYTES`, that takes minutes: there the sizes,
times and inodes of the files must be those of the last full check, which a file beside them holds.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ftlab.data.cache.array_file import digest_array
from ftlab.errors import StorageError
from ftlab.storage.local import LocalFolder
from ftlab.storage.plain_file import read_plain
from ftlab.storage.sealed_json import DamagedError, Shape, read_sealed, sealed

FINGERPRINT_LENGTH = 32
FULL_BYTES = 2 * 1024**3
SPLITS = ("train", "test")
# Photographs of several sizes have the last one too.
PARTS = ("images", "labels", "sizes")
CHECK_FILE = "checked.json"

_RECORD: Shape = {"fingerprint": str, "files": {str: str}}

# The state of the files of each folder when this process has digested them.
_checked: dict[Path, Mapping[str, str]] = {}


def fingerprint_of(class_names: Sequence[str], digests: Mapping[str, str]) -> str:
    """Return the fingerprint of a data set from the digests of its arrays."""
    names = [[f"{split}_{part}.npy" for part in PARTS] for split in SPLITS]
    of_splits = [" ".join(digests[name] for name in parts if name in digests) for parts in names]
    content = json.dumps([*of_splits, list(class_names)])
    return sha256(content.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def check_content(
    folder: Path, class_names: Sequence[str], arrays: Mapping[str, np.ndarray[Any, Any]], known: Mapping[str, str]
) -> None:
    """Check that arrays and class names are those that the folder is named by.

    Args:
        folder: ``home/cache/<fingerprint>``.
        class_names: The class names.
        arrays: The arrays by the names of their files.
        known: Digest that each array should have; empty where it was not kept.

    Raises:
        DamagedError: They are not; the damaged files are named.
        OSError: The files cannot be read.
    """
    state = _state(folder)
    if _checked.get(folder) == state:
        return
    is_large = sum(array.nbytes for array in arrays.values()) > FULL_BYTES
    if not (is_large and _last_check(folder) == {"fingerprint": folder.name, "files": state}):
        digests = {name: digest_array(array) for name, array in arrays.items()}
        if fingerprint_of(class_names, digests) != folder.name:
            damaged = [name for name, digest in digests.items() if known.get(name, digest) != digest]
            raise DamagedError(f"{', '.join(damaged) or 'its content'} must have the digest that names it, but has not")
        if is_large:
            record_check(folder, folder.name)
    _checked[folder] = state


def record_check(folder: Path, fingerprint: str) -> None:
    """Note that the files of a folder, as they are now, have been checked; where that cannot be written, do nothing."""
    record = {"fingerprint": fingerprint, "files": _state(folder)}
    with suppress(StorageError):
        LocalFolder(folder).write(CHECK_FILE, sealed(record))


def _state(folder: Path) -> dict[str, str]:
    stats = {path.name: path.stat() for path in folder.glob("*.npy")}
    return {name: f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}" for name, stat in stats.items()}


def _last_check(folder: Path) -> dict[str, Any] | None:
    try:
        return read_sealed(read_plain(folder / CHECK_FILE), _RECORD)[0]
    except (OSError, DamagedError):  # only means digesting again
        return None
