"""Write result files in one step, and leave them alone while their content stays the same."""

import os
from pathlib import Path
from tempfile import TemporaryFile

from ftlab.errors import FREE_SPACE, ResultsError, is_disk_full
from ftlab.storage.location import nearest_folder


def write_if_changed(path: Path, content: bytes) -> bool:
    """Replace a file in one step unless it holds the content already; its folder is created when missing.

    Raises:
        ResultsError: It cannot be written, e.g. because the disk is full or the folder is somebody else's.

    Returns:
        True if the file was written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def require_writable(folder: Path) -> None:
    """Check that files can be written below a folder, which need not exist yet; nothing is left there.

    Raises:
        ResultsError: They cannot.
    """
    try:
        with TemporaryFile(dir=nearest_folder(folder)):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> ResultsError:
    advice = FREE_SPACE if is_disk_full(error) else "Make it yours to write, or choose another folder."
    return ResultsError(f"results must be written, but {path} cannot be: {error.strerror}. {advice}")
