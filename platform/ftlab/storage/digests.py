"""Digests of many files together, by their names and contents."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

_PIECE_BYTES = 1 << 20


def files_digest(folder: Path, paths: Iterable[Path]) -> str:
    """Return the digest of files in a folder; whatever is no file adds nothing.

    Args:
        folder: The folder; paths below it are names.
        paths: The files, in any order.
    """
    found = sha256()
    for path in sorted(paths):
        if path.is_file():
            found.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    found.update(piece)
    return found.hexdigest()


@cache
def code_digest(package: Path, left_out: Sequence[str] = ()) -> str:
    """Return the digest of the code, templates and style sheets of a package.

    Args:
        package: Its folder.
        left_out: Folders in it that do not count.
    """
    places = ((path, path.relative_to(package).parts) for path in package.rglob("*.*"))
    counted = (path for path, parts in places if parts[0] not in left_out and "__pycache__" not in parts)
    return files_digest(package, counted)
