from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from explorer.app import make_app
from explorer.history_cache import HistoryCache
from explorer.record_store import RecordStore
from explorer.study_view import StudyViews, view_study
from ftlab.reporting.writers.spreadsheet import table_csv
from ftlab.tracking.memory_tracker import MemoryTracker

Record = Callable[..., None]


@pytest.fixture
def client(tracker: MemoryTracker) -> FlaskClient:
    """A browser of the explorer without a browser."""
    store = RecordStore(lambda: tracker)
    return make_app(store, StudyViews(), HistoryCache(store)).server.test_client()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8050", "localhost:8050"])
def test_the_machine_itself_is_answered(host: str, client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "localhost.evil:80", "[::1]:80"]
)
@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/files/table.csv?experiment=queue&profile=digits"])
def test_a_foreign_name_is_refused(host: str, path: str, client: FlaskClient) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 403


def test_the_page_may_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/", headers={"Host": "127.0.0.1"})
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "https://" not in page.text
    assert "http://" not in page.text


def test_a_download_is_the_file_that_results_hold(
    client: FlaskClient, tracker: MemoryTracker, record_study: Record
) -> None:
    record_study("queue", "digits", values=(88.0, 90.5))
    got = client.get("/files/table.csv?experiment=queue&profile=digits", headers={"Host": "127.0.0.1"})
    assert got.data == table_csv(view_study("queue/digits", tracker.load_trials()).table).encode()
    assert got.headers["Content-Disposition"] == 'attachment; filename="queue-digits-table.csv"'


@pytest.mark.parametrize(
    "path", ["/files/secrets.env?experiment=queue&profile=digits", "/files/table.csv?experiment=no"]
)
def test_what_is_not_there_is_not_found(path: str, client: FlaskClient, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0,))
    assert client.get(path, headers={"Host": "127.0.0.1"}).status_code == 404
