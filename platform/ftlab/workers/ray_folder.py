"""The folder of Ray's own sockets and logs on this machine, and the removal of what ended drivers left there."""

import os
import shutil
import tempfile
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from ftlab.errors import ConfigError
from ftlab.storage.location import nearest_folder

MARK = "ftlab.lock"
_MAX_SOCKET_BYTES = 107
# The longest that Ray makes below a folder.
_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
MAX_BYTES = _MAX_SOCKET_BYTES - len(_SOCKET)
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - Ray makes folders of its own there


def ray_folder() -> Path:
    """Return the folder for Ray's sessions: below RAY_TMPDIR, else below TMPDIR or, if its path is long, a short one.

    Raises:
        ConfigError: The path of RAY_TMPDIR, or of every writable folder, is longer than sockets allow.
    """
    named = os.environ.get("RAY_TMPDIR")
    folders = [named] if named else [tempfile.gettempdir(), *_SHORT]
    for folder in (Path(name).absolute() for name in folders):
        nearest = nearest_folder(folder)
        if len(os.fsencode(folder)) <= MAX_BYTES and nearest.is_dir() and os.access(nearest, os.W_OK):
            return folder / "ray"
    raise ConfigError(
        f"RAY_TMPDIR must be a folder that can be written, with a path of at most {MAX_BYTES} bytes, because sockets "
        f"lie there, but got {folders[0]!r} ({len(os.fsencode(Path(folders[0]).absolute()))} bytes); "
        "e.g. RAY_TMPDIR=/tmp."
    )


def mark_session(folder: Path) -> None:
    """Mark a session's folder as that of this process, until it ends; the next command may remove it then.

    Ray itself keeps the folder of every session. Processes of a session whose driver is killed need no help: they end
    with it, or notice within a minute.
    """
    descriptor = os.open(folder / MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with suppress(OSError):  # a file system without locks: nothing is removed there
        flock(descriptor, LOCK_EX | LOCK_NB)


def remove_left_sessions(parent: Path) -> None:
    """Remove the folders of this user's sessions whose drivers have ended; a living driver holds its lock.

    Args:
        parent: The folder of `ray_folder`.
    """
    for mark in parent.glob(f"session_*/{MARK}"):
        with suppress(OSError):  # of another user, or removed meanwhile
            descriptor = os.open(mark, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid():
                    flock(descriptor, LOCK_EX | LOCK_NB)
                    shutil.rmtree(mark.parent, ignore_errors=True)
            finally:
                os.close(descriptor)
