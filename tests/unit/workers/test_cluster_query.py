import subprocess
import sys
from typing import Any

import pytest

from ftlab.workers.cluster_query import ClusterAnswer, Refusal, query_cluster


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
