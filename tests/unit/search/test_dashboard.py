import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import pytest

from ftlab.errors import FtlabError
from ftlab.search.dashboard import HOST, dashboard_path, make_dashboard
from ftlab.search.scope import SearchSpec

MakeSearch = Callable[..., SearchSpec]
OpenLaboratory = Callable[..., Any]


@pytest.fixture
def laboratory(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> Any:
    laboratory = open_laboratory(make_search(num_trials=1))
    laboratory.train()
    return laboratory


@pytest.fixture
def port(laboratory: Any) -> Iterator[int]:
    with make_dashboard(laboratory.storage, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, path: str, host: str | None = None) -> tuple[int, str, dict[str, str]]:
    connection = HTTPConnection(HOST, port, timeout=20.0)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    content = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return content


def test_the_page_shows_the_search_and_loads_from_nowhere_else(port: int, laboratory: Any) -> None:
    path = dashboard_path(laboratory.storage, "s")
    assert path.startswith("/dashboard/studies/")
    status, page, headers = get(port, path)
    assert status == 200
    assert "<script" in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "s/tiny" in get(port, "/api/studies")[1]


@pytest.mark.slow
def test_it_is_served_to_this_machine_alone(port: int) -> None:
    with socket.socket() as other:
        # The port of every other address is left free.
        other.bind(("127.0.0.2", port))


@pytest.mark.slow
def test_another_site_is_refused(port: int) -> None:
    assert get(port, "/api/studies", host="evil.example")[0] == 403
    assert get(port, "/api/studies", host=f"evil.example:{port}")[0] == 403
    assert get(port, "/api/studies", host=f"localhost:{port}")[0] == 200


def test_a_port_that_is_taken_is_named(port: int, laboratory: Any) -> None:
    with pytest.raises(FtlabError, match=f"a port must be free, but got {port}: process"):
        make_dashboard(laboratory.storage, port)


@pytest.mark.slow
def test_what_is_no_single_search_is_the_list_of_all(laboratory: Any) -> None:
    assert dashboard_path(laboratory.storage, None) == "/dashboard"
    assert dashboard_path(laboratory.storage, "other") == "/dashboard"
