"""Open the tracking store that the surroundings name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.tracking.tracking_uri import default_tracking_uri

if TYPE_CHECKING:
    from ftlab.tracking.mlflow_tracker import MlflowTracker


def open_tracker(home: Path) -> "MlflowTracker":
    """Open the store of ``MLFLOW_TRACKING_URI``, else the SQLite file below ``home``.

    Raises:
        TrackingError: It cannot be reached.
    """
    from ftlab.tracking.mlflow_tracker import MlflowTracker

    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_tracking_uri(home)
    return MlflowTracker(uri, home / "artifacts")
