"""A connection to an MLflow store, and searches that read all pages of results."""

import gc
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Protocol, TypeVar

from ftlab.errors import TrackingError
from ftlab.storage.plain_file import open_lock
from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.mlflow.artifact_address import check_artifact_address
from ftlab.tracking.mlflow.failure import store_failure
from ftlab.tracking.tracking_uri import SERVERS, sqlite_path

# MLflow reads some of these when it is imported; the user's own settings stay.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A request whose answer was lost was carried out: a blind retry would create a run twice. The writer looks first.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}.items():
    os.environ.setdefault(_name, _value)
# Python's logging raises for a level in lower case, or of another name.
_LEVEL = os.environ["MLFLOW_LOGGING_LEVEL"].upper()
os.environ["MLFLOW_LOGGING_LEVEL"] = _LEVEL if _LEVEL in logging.getLevelNamesMapping() else "WARNING"

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Experiment, Run, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: E402
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: E402
from mlflow.store.db import utils as db_utils  # noqa: E402
from mlflow.store.db.utils import _is_empty_database, create_sqlalchemy_engine  # noqa: E402

from ftlab.tracking.mlflow.store_tables import complete_tables  # noqa: E402

# It makes the folder of an address without decoding it; `check_tracking_uri` has made the right one.
db_utils._make_parent_dirs_if_sqlite = lambda db_uri: None  # noqa: ARG005
# It would try a database that cannot be opened for 100 s, once for runs and once for models.
db_utils.MAX_RETRY_COUNT = 2

PAUSE_SECONDS = 1.0  # before a page is requested again
_PAGE_SIZE = 250  # a server needs seconds for a page of 1,000

ItemT = TypeVar("ItemT", covariant=True)


class _Page(Protocol[ItemT]):
    """A page of MLflow's search results."""

    token: str | None

    def __iter__(self) -> Iterator[ItemT]: ...


def connect(uri: str) -> MlflowClient:
    """Connect to a store; a SQLite store that is new gets its tables.

    Raises:
        TrackingError: The store cannot be reached.
    """
    # Its warning for each retry would reach the terminal; the error that follows says the same.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    # The process may have imported MLflow before the variables above were set.
    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])
    # It prints the traceback of an error of the database before it raises it.
    logging.getLogger(db_utils.__name__).setLevel(logging.CRITICAL)
    try:
        path = sqlite_path(uri)
        with _alone(path):
            if path is not None:
                complete_tables(path)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)
    except Exception as error:
        cure = " If it is a server, start it; else correct the address, or record in a file: sqlite:////PATH/mlflow.db."
        raise TrackingError(store_failure("the MLflow store must answer", uri, error, cure)) from error
    return client


def is_new(uri: str) -> bool:
    """Return whether a database does not exist yet or has no tables; a server has them."""
    path = sqlite_path(uri)
    if path is not None:
        return not path.exists() or path.stat().st_size == 0
    return not uri.startswith(SERVERS) and _is_empty_database(create_sqlalchemy_engine(uri))


def find_experiments(client: MlflowClient) -> dict[str, str]:
    """Return the names of all experiments of this layout by their identifiers."""
    condition = f"tags.`{layout.LAYOUT_TAG}` = '{layout.LAYOUT_VERSION}'"

    def page(token: str | None) -> _Page[Experiment]:
        return client.search_experiments(filter_string=condition, page_token=token)

    return {str(experiment.experiment_id): experiment.name for experiment in _all_pages(page)}


def open_experiment(client: MlflowClient, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
    """Return the identifier of an experiment, after creating it if it is missing and marking it with our layout.

    Args:
        client: The store.
        name: Name of the experiment.
        artifact_location: Folder of the files of a new experiment; None lets the store decide.
        tags: Tags that it gets unless it has them, beside the tags of the layout.

    Raises:
        TrackingError: The experiment of that name was deleted.
    """
    experiment = client.get_experiment_by_name(name)
    layout_tags = {layout.LAYOUT_TAG: layout.LAYOUT_VERSION, **layout.MODEL_TRAINING}
    if experiment is None:
        return str(client.create_experiment(name, artifact_location, tags={**tags, **layout_tags}))
    if experiment.lifecycle_stage == "deleted":
        raise TrackingError(
            f"an experiment must not have the name of a deleted one, but got {name!r} in {client.tracking_uri}. "
            f"Restore it: MLFLOW_TRACKING_URI={client.tracking_uri} "
            f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
        )
    missing = {name: text for name, text in tags.items() if name not in experiment.tags}
    for name, text in {**missing, layout.LAYOUT_TAG: layout.LAYOUT_VERSION}.items():
        client.set_experiment_tag(experiment.experiment_id, name, text)
    return str(experiment.experiment_id)


def search_runs(
    client: MlflowClient, experiment_ids: Iterable[str], condition: str, *, deleted: bool = False
) -> list[Run]:
    """Return all runs of experiments that meet a condition, oldest first: those that are there, or the deleted ones."""
    ids, view = list(experiment_ids), ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY

    def page(token: str | None) -> _Page[Run]:
        # Oldest first, so that a run created meanwhile moves no other to another page.
        return client.search_runs(
            ids, condition, view, max_results=_PAGE_SIZE, order_by=["attributes.start_time ASC"], page_token=token
        )

    with _collector_paused():
        return list(_all_pages(page)) if ids else []


def open_artifacts(artifact_uri: str, run_id: str, tracking_uri: str) -> ArtifactRepository:
    """Open the folder of a run's files, which the store names; see `check_artifact_address`."""
    check_artifact_address(artifact_uri, run_id, tracking_uri)
    return get_artifact_repository(artifact_uri, tracking_uri=tracking_uri)


@contextmanager
def _alone(database: Path | None) -> Iterator[None]:
    """Let one process at a time open a SQLite store: the first creates its tables, and two at once would fail."""
    if database is None:
        yield
        return
    with open_lock(database.with_name(f"{database.name}.lock")) as lock:
        flock(lock, LOCK_EX)
        yield


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause Python's cycle collector, which takes 60% of the time while MLflow makes objects by the 100,000."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _all_pages(page: Callable[[str | None], _Page[ItemT]]) -> Iterator[ItemT]:
    token = None
    while True:
        items = _ask(page, token)
        yield from items
        token = items.token
        if not token:
            return


def _ask(page: Callable[[str | None], _Page[ItemT]], token: str | None) -> _Page[ItemT]:
    """Request a page, and once more after a failure, since reading changes nothing."""
    try:
        return page(token)
    except MlflowException:
        time.sleep(PAUSE_SECONDS)
        return page(token)
