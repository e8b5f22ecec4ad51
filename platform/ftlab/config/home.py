"""The folders of ftlab's files: those of all nodes of a cluster, of the driver's machine, and of one node."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from ftlab.storage.folder import Folder
from ftlab.storage.location import is_uri, normalise, open_folder

DEFAULT_HOME = ".ftlab"
DEFAULT_LOCAL = "~/.cache/ftlab"
RESULTS = Path("results")  # of tables and figures, unless another folder is asked for


@dataclass(frozen=True)
class Home:
    """FTLAB_HOME, a path or a URI, with the same meaning in every process: it may be sent to workers on other nodes.

    If it is a path, everything lies below it, except that FTLAB_CACHE moves the files that each node makes for itself.
    If it is a URI, only the shared files lie there.

    Attributes:
        location: FTLAB_HOME; a relative path is made absolute in the process that makes the home, the driver.
    """

    # Not shown: a URI may hold credentials.
    location: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "location", normalise(str(self.location)))

    @property
    def local(self) -> Path:
        """Folder of what only the driver's machine reads (journal, locks, SQLite, artifacts), and of data sets."""
        return self.node if is_uri(self.location) else Path(self.location)

    @property
    def node(self) -> Path:
        """Folder of the image cache, which each node makes for itself: FTLAB_CACHE of the node that asks."""
        configured = os.environ.get("FTLAB_CACHE")
        if configured:
            return Path(configured).expanduser().absolute()
        return Path(DEFAULT_LOCAL).expanduser() if is_uri(self.location) else Path(self.location)

    def shared(self, name: str) -> Folder:
        """Return a folder that every node reaches: ``checkpoints`` or ``plans``.

        Raises:
            ConfigError: FTLAB_HOME is a URI that cannot be opened.
        """
        return open_folder(self.location, name)

    def __truediv__(self, name: str) -> Path:
        """Return the path ``name`` below `local`."""
        return self.local / name


def ftlab_home() -> Home:
    """Return the home of this process: ``FTLAB_HOME``, else ``.ftlab`` in the working folder."""
    return Home(os.environ.get("FTLAB_HOME") or DEFAULT_HOME)
