"""Result files that are never half written, and keep their time stamp while their content stays the same."""

import os
from pathlib import Path


def write_if_changed(path: Path, content: bytes) -> bool:
    """Replace a file in one step unless it holds the content already; its folder is created when missing.

    Returns:
        Whether the file was written.
    """
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True
