import socket
import subprocess
import sys
from typing import Any

import pytest

from ftlab.errors import ConfigError, FtlabError
from ftlab.workers.cluster_query import ClusterAnswer, Refusal, query_cluster, require_cluster


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            """print('{"theirs": ["2.60.0", "3.11.7"], "ours": ["2.59.0", "3.12.1"]}')""",
            ClusterAnswer(theirs=("2.60.0", "3.11.7"), ours=("2.59.0", "3.12.1")),
        ),
        (
            """import os, sys; sys.stderr.write("Ray couldn't find an authentication token."); os.abort()""",
            ClusterAnswer(Refusal.NO_TOKEN),
        ),
        ("raise SystemExit('RPC error: InvalidAuthToken: missing')", ClusterAnswer(Refusal.WRONG_TOKEN)),
        ("raise SystemExit('trace\\n  RpcError: gone\\n')", ClusterAnswer(Refusal.OTHER, "RpcError: gone")),
        ("raise SystemExit(1)", ClusterAnswer(Refusal.OTHER, "it said nothing")),
    ],
)
def test_what_the_process_says_is_understood(
    monkeypatch: pytest.MonkeyPatch, script: str, expected: ClusterAnswer
) -> None:
    original = subprocess.run

    def run_script(command: list[str], **kwargs: Any) -> Any:
        assert command[1:] == ["-m", "ftlab.workers.cluster_query", "127.0.0.1:6379"]
        return original([sys.executable, "-S", "-c", script], **kwargs)

    monkeypatch.setattr(subprocess, "run", run_script)
    assert query_cluster("127.0.0.1:6379") == expected


@pytest.mark.parametrize("address", ["127.0.0.1:9", "[::1]:9", "localhost:9", "no-such-host.invalid:6379", "0.0.0.0:1"])
def test_a_cluster_that_is_not_there_is_named_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.workers.cluster_query.query_cluster", lambda _: pytest.fail("Ray was asked"))
    with pytest.raises(FtlabError, match=r"nobody answers there: .* unset RAY_ADDRESS to use this machine"):
        require_cluster(address)


@pytest.mark.parametrize("address", ["host", "", "host:", "host:port", "host:99999", "a:1:b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="RAY_ADDRESS must be HOST:PORT, but got"):
        require_cluster(address)


def test_a_cluster_that_does_not_answer_like_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.workers.cluster_query.query_cluster", lambda _: ClusterAnswer(Refusal.OTHER, "gone"))
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(FtlabError, match="refused: gone"):
        require_cluster(f"127.0.0.1:{listener.getsockname()[1]}")
