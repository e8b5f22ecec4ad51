"""Open plain files alone: waiting for a pipe or a device that lies in a file's place could take for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    return open(path, "rb", opener=_open)


def open_lock(path: Path) -> BinaryIO:
    """Open a plain file to be locked; it is made when it is missing.

    Raises:
        OSError: It cannot be written, or is no plain file.
    """
    return open(path, "ab", opener=_open)


def read_plain(path: Path) -> bytes:
    """Return the content of a plain file.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    with open_plain(path) as file:
        return file.read()


def _open(name: str, flags: int) -> int:
    descriptor = os.open(name, flags | os.O_NONBLOCK, 0o666)
    kind = os.fstat(descriptor).st_mode
    # Python says itself that a folder is one.
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "It is no plain file", name)
    return descriptor
