import socket
from urllib.request import ProxyHandler, build_opener

import pytest

from ftlab.errors import ConfigError
from ftlab.workers.metrics_server import serve_metrics


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, which the environment names."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    monkeypatch.setenv("FTLAB_METRICS_PORT", str(number))
    return number


def scrape(port: int) -> str:
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as answer:
        return str(answer.read().decode())


def test_metrics_are_served_until_the_study_ends(port: int) -> None:
    with serve_metrics("exp") as metrics:
        assert metrics is not None
        metrics.expect(3)
        assert 'ftlab_trials{experiment="exp",state="waiting"} 3.0' in scrape(port)
        assert "process_resident_memory_bytes" in scrape(port)
    with pytest.raises(OSError, match="refused"):
        scrape(port)
    with serve_metrics("exp") as again:
        assert again is not None


def test_metrics_are_bound_to_this_machine_alone(port: int) -> None:
    with serve_metrics("exp"), socket.socket() as other:
        # The port of every other address is left free.
        other.bind(("127.0.0.2", port))


def test_the_environment_may_name_another_address(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_METRICS_HOST", "127.0.0.2")
    with serve_metrics("exp"), pytest.raises(OSError, match="refused"):
        scrape(port)


def test_without_a_port_there_is_nothing() -> None:
    with serve_metrics("exp") as metrics:
        assert metrics is None


@pytest.mark.parametrize("spelled", ["0", "65536", "-1", "http", "9464.0", "²"])
def test_what_is_no_port_is_refused(spelled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_METRICS_PORT", spelled)
    with pytest.raises(ConfigError, match="a number from 1 to 65535, but got"), serve_metrics("exp"):
        pass


def test_a_taken_port_is_named(port: int) -> None:
    with serve_metrics("exp"):
        message = f"a port that is free, but 127.0.0.1:{port} cannot be bound: Address already in use"
        with pytest.raises(ConfigError, match=message), serve_metrics("other"):
            pass


def test_an_address_of_another_machine_is_named(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_METRICS_HOST", "192.0.2.1")  # of no machine: kept for documentation
    with pytest.raises(ConfigError, match=f"but 192.0.2.1:{port} cannot be bound: "), serve_metrics("exp"):
        pass
