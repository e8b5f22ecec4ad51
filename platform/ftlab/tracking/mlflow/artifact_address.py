"""Check the address that a store names for a run's files, because the store is not trusted blindly."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from ftlab.errors import TrackingError

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OBJECT_STORES = ("s3", "gs", "wasbs", "abfss")
_SERVERS = ("mlflow-artifacts", "http", "https")
_FOLDERS = ("file", "")


def check_artifact_address(address: str, run_id: str, tracking_uri: str) -> None:
    """Check that a run's files lie in a folder of its own, and that no other server gets the user's password.

    MLflow's clients open any address that a store names, with the credentials of the environment.

    Args:
        address: Address of the files, as the store names it.
        run_id: Identifier of the run.
        tracking_uri: Address of the store.

    Raises:
        TrackingError: The folder is not ``.../<run_id>/artifacts``, the server is not the store's own, or the kind of
            address is not one that ftlab uses.
    """
    parts = urlsplit(address)
    folders = unquote(parts.path).split("/")
    is_own = folders[-2:] == [run_id, "artifacts"] and ".." not in folders and _RUN_ID.fullmatch(run_id)
    is_known = parts.scheme in (*_OBJECT_STORES, *_FOLDERS) or (
        parts.scheme in _SERVERS and _host(parts.netloc) in ("", _host(urlsplit(tracking_uri).netloc))
    )
    if not is_own or not is_known or "\\" in address:
        raise TrackingError(
            f"the files of run {run_id} must lie in its own folder, on a disk, in an object store or on the tracking "
            f"server, but the store says {address!r}."
        )


def local_folder(address: str) -> Path | None:
    """Return the folder of an address on a disk of this machine, None for another.

    >>> local_folder("file:///data/50%25/artifacts")
    PosixPath('/data/50%/artifacts')
    """
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(address) if address.startswith("/") else None


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2].lower()
