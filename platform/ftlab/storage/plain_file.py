"""Open plain files alone: reading a pipe, a device or a socket that lies in a file's place could take for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, cast


def open_plain(path: Path, mode: str = "rb") -> BinaryIO:
    """Open a plain file, or refuse at once what is none.

    Args:
        path: The file.
        mode: Mode of Python's `open`, binary.

    Raises:
        OSError: It cannot be opened, or is no plain file.
    """

    def opener(name: str, wanted: int) -> int:
        descriptor = os.open(name, wanted | os.O_NONBLOCK, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "It is no plain file", str(path))
        return descriptor

    # Path.open takes no opener.
    return cast(BinaryIO, open(path, mode, opener=opener))


def read_plain(path: Path) -> bytes:
    """Return the content of a plain file.

    Raises:
        OSError: It cannot be read, or is no plain file.
    """
    with open_plain(path) as file:
        return file.read()
