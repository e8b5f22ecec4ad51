"""Open a folder by its address: a path of this machine, or a URI of an object store."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ftlab.errors import ConfigError
from ftlab.storage.folder import Folder
from ftlab.storage.local import LocalFolder
from ftlab.storage.remote import RemoteFolder

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_uri(location: str) -> bool:
    """Return whether a location is a URI and not a path.

    >>> is_uri("s3://bucket/ftlab"), is_uri("/data/ftlab")
    (True, False)
    """
    return _URI.match(location) is not None


def normalise(location: str) -> str:
    """Return a location that means the same in every working folder; a ``file://`` URI becomes a path.

    >>> normalise("file:///data/my%20lab"), normalise("s3://bucket/ftlab/")
    ('/data/my lab', 's3://bucket/ftlab/')
    """
    if location.startswith("file://"):
        return unquote(urlsplit(location).path)
    return location if is_uri(location) else str(Path(location).expanduser().absolute())


def open_folder(location: str, name: str) -> Folder:
    """Open the folder ``name`` below a location; nothing is created or reached yet.

    Args:
        location: A path, or a URI that pyarrow or fsspec understands, such as ``s3://bucket/prefix?region=eu-west-1``.
        name: Name of the folder.

    Raises:
        ConfigError: The URI's scheme is unknown, needs a package that is missing, or names no bucket.
    """
    if not is_uri(location):
        return LocalFolder(Path(location) / name)
    files, path = _open_file_system(location)
    return RemoteFolder(files, f"{path}/{name}", f"{_without_credentials(location)}/{name}")


@cache
def _open_file_system(uri: str) -> "tuple[FileSystem, str]":
    """Connect once a process: a connection holds a pool of its own."""
    from pyarrow import ArrowInvalid
    from pyarrow.fs import FileSystem

    try:
        files, path = FileSystem.from_uri(uri)
    except ArrowInvalid as error:
        if "Unrecognized filesystem type" not in str(error):
            raise _refusal(uri, error) from error
        files, path = _open_with_fsspec(uri)
    except OSError as error:
        raise _refusal(uri, error) from error
    path = path.rstrip("/")
    if not path:
        raise ConfigError(
            f"FTLAB_HOME must name a bucket, but got {_without_credentials(uri)!r}; e.g. s3://bucket/ftlab."
        )
    return files, path


def _open_with_fsspec(uri: str) -> "tuple[FileSystem, str]":
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        files, path = url_to_fs(uri)
    except (ImportError, ValueError, OSError) as error:
        raise _refusal(uri, error) from error
    return PyFileSystem(FSSpecHandler(files)), path


def _refusal(uri: str, error: Exception) -> ConfigError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ConfigError(
        f"FTLAB_HOME must be a path, or a URI of a store that can be opened, but got {_without_credentials(uri)!r}: "
        f"{reason} E.g. s3://bucket/ftlab, gs://bucket/ftlab."
    )


def _without_credentials(uri: str) -> str:
    """Return scheme, host and path: user, password and query may hold secrets.

    >>> _without_credentials("s3://key:secret@bucket/ftlab/?region=x")
    's3://bucket/ftlab'
    """
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def nearest_folder(path: Path) -> Path:
    """Return the path if it is there, else the nearest folder above it that is."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
