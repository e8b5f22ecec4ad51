"""Errors of the file system while a data set is looked at, as errors that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftlab.errors import DataError


@contextmanager
def accessing(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into a `DataError` that names the file and the reason.

    Args:
        folder: The folder that is looked at, named if the error names no file.

    Raises:
        DataError: A file or a folder cannot be listed or read.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            "The files of a data set must be there and readable, but "
            f"{error.filename or folder} is not: {error.strerror or error}."
        ) from error
