"""Open the tracking store that the environment names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.credentials import without_credentials
from ftlab.tracking.journal import Journal
from ftlab.tracking.tracking_uri import SERVERS, default_tracking_uri

if TYPE_CHECKING:
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker


UI_PORT = 5000  # of MLflow's pages on this machine, unless the user chooses another


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


def page_link(
    tracker: "MlflowTracker", experiment: str | None, study: str = "", metric: str = "", port: int = UI_PORT
) -> str:
    """Return the address of an experiment's page in MLflow, or of all pages if the store has no such experiment.

    Args:
        tracker: The store: a server, or a database that is served on this machine.
        experiment: Name of the experiment; None for all pages.
        study: Study whose runs are listed; empty lists all of the experiment.
        metric: Metric by which they are ordered, the highest first; empty lists the newest first.
        port: Port of the pages on this machine.

    Raises:
        TrackingError: The store does not answer.
    """
    from ftlab.tracking.mlflow.run_layout import page_filter
    from ftlab.tracking.mlflow.run_texts import VIEW_PREFIX, runs_link, runs_view, view_link

    is_served = tracker.uri.startswith(SERVERS)
    base = without_credentials(tracker.uri.rstrip("/")) if is_served else f"http://127.0.0.1:{port}"
    found = tracker.find_experiment_id(experiment) if experiment else None
    if experiment is None or found is None:
        return base
    condition = page_filter(study) if study else ""
    key, _ = runs_view(condition, metric)
    # A study that an older ftlab opened has no view.
    if study and metric and tracker.find_experiment_id(experiment, f"{VIEW_PREFIX}{key}"):
        return view_link(base, found, key)
    return runs_link(base, found, condition, metric)
