"""Check that a port of this machine is free, before a server is started on it."""

import socket
from pathlib import Path

from ftlab.errors import FtlabError

_HOST = "127.0.0.1"
_LISTENS = "0A"


def require_free_port(port: int) -> None:
    """Check that a server can listen on a port of 127.0.0.1; 0 stands for any free one.

    Raises:
        FtlabError: It cannot; the message names the process that listens there, if the system tells.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_HOST, port))
        except OSError as error:
            raise FtlabError(
                f"a port must be free, but got {port}: {_holder(port) or error.strerror}; choose another: PORT=n."
            ) from error


def _holder(port: int) -> str:
    """Return the process that listens on a port, in words; empty if the system does not tell."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in Path("/proc").glob("[0-9]*/fd") if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in folder.iterdir()):
                command = (folder.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                return f"process {folder.parent.name} listens there ({command.strip()[:100]})"
        except OSError:  # it ended, or belongs to another user
            continue
    return ""


def _listening(port: int) -> list[str]:
    inodes = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        fields = [line.split() for line in lines]
        inodes += [row[9] for row in fields if row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port]
    return inodes
