"""Open the tracking store that the environment names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.tracking.journal import Journal
from ftlab.tracking.tracking_uri import default_tracking_uri

if TYPE_CHECKING:
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker


def tracking_uri(home: Path) -> str:
    """Return the address of the store: ``MLFLOW_TRACKING_URI``, else the SQLite file below ``home``."""
    return os.environ.get("MLFLOW_TRACKING_URI") or default_tracking_uri(home)


def open_tracker(home: Path) -> "MlflowTracker":
    """Open the store of `tracking_uri`.

    Raises:
        TrackingError: It cannot be reached.
    """
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker

    return MlflowTracker(tracking_uri(home), home / "artifacts", Journal(home / "trials"))
