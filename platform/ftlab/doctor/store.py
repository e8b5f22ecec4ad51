"""Checks of the tracking store."""

from pathlib import Path
from shlex import quote

from ftlab.credentials import without_credentials
from ftlab.doctor.finding import Finding, fault, good, warning
from ftlab.doctor.surroundings import Surroundings
from ftlab.errors import TrackingError
from ftlab.tracking.tracking_uri import SERVERS, sqlite_path, sqlite_uri

UNAUTHORISED, FORBIDDEN = 401, 403


def check_store(surroundings: Surroundings) -> Finding:
    """Check that the tracking store answers, accepts our login and has the tables of this version of MLflow."""
    uri = surroundings.tracking_uri
    path = sqlite_path(uri)
    if path is not None:
        return _check_file(path, surroundings.home / "artifacts")
    if uri.startswith(SERVERS):
        return _check_server(uri)
    return fault(
        f"{uri} is not a store that ftlab can record in",
        "export MLFLOW_TRACKING_URI=http://HOST:PORT, or unset it to record in FTLAB_HOME",
    )


def _check_file(path: Path, artifacts: Path) -> Finding:
    # A command that was interrupted before it made the tables leaves an empty file.
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return good(f"{path} will be created by the first command that records")
    from ftlab.tracking.mlflow.moved_files import find_moved
    from ftlab.tracking.mlflow.store_health import expected_revision, stored_revision

    try:
        found = stored_revision(path)
        moved = find_moved(path, artifacts)
    except TrackingError as error:
        return fault(
            str(error), f"mv {quote(str(path))} {quote(f'{path}.damaged')} starts a new store; or restore a backup"
        )
    expected = expected_revision()
    if found != expected:
        return fault(
            f"{path} has tables of revision {found}, and this MLflow needs {expected}",
            f"cp {quote(str(path))} {quote(f'{path}.backup')} && mlflow db upgrade {quote(sqlite_uri(path))}; "
            f"if that does not know {found}, a newer "
            "version wrote it: git pull && make setup",
        )
    if moved:
        return warning(
            f"{path} names {moved[0].old.parent} as the place of files that lie in {artifacts} now",
            "any command that reads the store mends it, e.g. make verify",
        )
    return good(f"{path}, tables at revision {found}")


def _check_server(uri: str) -> Finding:
    from ftlab.tracking.mlflow.store_health import ask_health, ask_login, client_version

    address = without_credentials(uri)
    try:
        health = ask_health(uri)
        login = ask_login(uri)
    except TrackingError as error:
        return fault(str(error), f"start the server, or correct the address: curl -i {address.rstrip('/')}/health")
    if login.status == UNAUTHORISED:
        return fault(
            f"{address} answers, but refuses the login (401)",
            "export MLFLOW_TRACKING_USERNAME=... MLFLOW_TRACKING_PASSWORD=..., as the server's administrator gave them",
        )
    if login.status == FORBIDDEN and "Host header" in login.text:
        return fault(
            f"{address} answers, but does not accept this host name (403, Host header)",
            f"start the server with --allowed-hosts naming {address.partition('://')[2].strip('/')}",
        )
    if login.status == FORBIDDEN:
        return fault(
            f"{address} answers and knows the login, but it may not read experiments (403)",
            "ask the server's administrator for permission, e.g. default_permission = READ in its basic_auth.ini",
        )
    if not health.is_good or not login.is_good:
        status = login.status if health.is_good else health.status
        return fault(f"{address} answers with status {status}", "look into the server's log")
    return _compare_versions(address, login.version, client_version())


def _compare_versions(address: str, server: str | None, client: str) -> Finding:
    if server and server.split(".")[:2] != client.split(".")[:2]:
        return warning(
            f"{address} accepts our login, but runs MLflow {server}, and this machine runs {client}",
            "install the same version on both; requirements.lock names it",
        )
    return good(f"{address} accepts our login, MLflow {server or 'of an unknown version'}")
