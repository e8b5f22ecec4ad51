"""The identity of the process that writes a run, and a check that this process still lives."""

import os
import socket
from pathlib import Path

_PROCESSES = Path("/proc")


def driver_identity() -> str:
    """Return ``<hostname>:<pid>:<process start time>`` of this process.

    The start time, in clock ticks since boot, tells the process from a later one of the same pid; it is empty on
    systems without ``/proc``.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"


def has_died(identity: str) -> bool:
    """Return whether a driver of this host is gone.

    Args:
        identity: The result of `driver_identity` in the driver.

    Returns:
        False for a living driver, and for one that cannot be judged from here: another host's, or an unknown format.

    >>> has_died(driver_identity())
    False
    """
    host, separator, process = identity.partition(":")
    pid, _, start_time = process.partition(":")
    if not separator or host != socket.gethostname() or not pid.isdecimal():
        return False
    return not _is_alive(int(pid), start_time)


def _is_alive(pid: int, start_time: str) -> bool:
    if (_PROCESSES / "self" / "stat").exists():
        return bool(start_time) and _start_time(pid) == start_time
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_time(pid: int) -> str:
    try:
        stat = (_PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The command's name, in parentheses, may hold spaces; the fields are counted from behind it.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
