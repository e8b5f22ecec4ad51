"""Query the health of a tracking store without opening it, because opening may create its tables."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow import connection  # noqa: F401 - sets the variables that MLflow reads when it is imported

# isort: split
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from mlflow.version import VERSION

ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """The answer of a server.

    Attributes:
        status: Status of the answer.
        text: Its content.
        date: The server's time, from its header.
        version: The server's version of MLflow, if it names one.
    """

    status: int
    text: str
    date: str | None = None
    version: str | None = None

    @property
    def is_good(self) -> bool:
        """Return whether the server did what was asked."""
        return self.status == 200


def client_version() -> str:
    """Return the installed version of MLflow."""
    return VERSION


def ask_health(uri: str) -> Answer:
    """Ask a server whether it runs, which needs no login.

    Raises:
        TrackingError: It does not answer.
    """
    return _ask(uri, "/health")


def ask_login(uri: str) -> Answer:
    """Ask a server for an experiment, with the login of the environment, and for its version.

    Raises:
        TrackingError: It does not answer.
    """
    found = _ask(uri, "/api/2.0/mlflow/experiments/search?max_results=1")
    version = _ask(uri, "/version") if found.is_good else found
    return Answer(found.status, found.text, found.date, version.text.strip() if version.is_good else None)


def stored_revision(path: Path) -> str:
    """Return the revision of the tables of a SQLite store, which is opened read-only.

    Raises:
        TrackingError: The file is no store of MLflow's.
    """
    if not path.is_file():  # SQLite would wait for the other end of a pipe
        raise TrackingError(f"{path} must be an MLflow store that can be read, but is no plain file.")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as database:
            found = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise TrackingError(f"{path} must be an MLflow store that can be read, but is not: {error}") from error
    return str(found[0]) if found else "none"


def expected_revision() -> str:
    """Return the revision of the tables that the installed MLflow needs."""
    return str(_get_latest_schema_revision())


def _ask(uri: str, endpoint: str) -> Answer:
    try:
        said = http_request(
            get_default_host_creds(uri),
            endpoint,
            "GET",
            max_retries=0,
            timeout=ANSWER_SECONDS,
            raise_on_status=False,
        )
    except Exception as error:  # MLflow raises several errors for a server that is not there
        cause = str(error).partition("\n")[0]
        raise TrackingError(f"{uri} must answer, but does not: {cause}") from error
    return Answer(said.status_code, said.text, said.headers.get("Date"))
