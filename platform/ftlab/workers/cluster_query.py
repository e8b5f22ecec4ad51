"""Query the version of a Ray cluster in a process of its own, because Ray may end a process whose query fails."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum

from ftlab.errors import ConfigError, FtlabError
from ftlab.workers.environment import ENVIRONMENT

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 45.0  # Ray itself gives up after 40


class Refusal(StrEnum):
    """The reason why a query of a cluster failed."""

    NO_TOKEN = "no token"  # noqa: S105 - a reason
    WRONG_TOKEN = "wrong token"  # noqa: S105 - a reason
    OTHER = "other"


@dataclass(frozen=True)
class ClusterAnswer:
    """The answer of a cluster to a query, or the reason why it failed.

    Attributes:
        refusal: The kind of failure; None if the cluster answered.
        reason: Ray's own words.
        theirs: Its versions of Ray and Python.
        ours: The versions here.
    """

    refusal: Refusal | None = None
    reason: str = ""
    theirs: tuple[str, str] = ("", "")
    ours: tuple[str, str] = ("", "")


def query_cluster(address: str) -> ClusterAnswer:
    """Query the cluster at ``HOST:PORT``, which keeps no record of a query, as it would of a driver."""
    command = [sys.executable, "-m", "ftlab.workers.cluster_query", address]
    try:
        done = subprocess.run(  # noqa: S603 - fixed but for the address
            command,
            env={**ENVIRONMENT, **os.environ},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ClusterAnswer(Refusal.OTHER, f"no answer in {ANSWER_SECONDS:.0f} s")
    if done.returncode == 0:
        versions = json.loads(done.stdout)
        return ClusterAnswer(theirs=tuple(versions["theirs"]), ours=tuple(versions["ours"]))
    return _read_refusal(done.stderr)


def require_cluster(address: str) -> None:
    """Check within a minute that a cluster answers at an address.

    Raises:
        ConfigError: The address is not ``HOST:PORT``.
        FtlabError: Nobody answers there, or not as Ray does.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"RAY_ADDRESS must be HOST:PORT, but got {address!r}; see docs/tutorials/cluster.md.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise FtlabError(
            f"nobody answers there: {error}. On the head: ray start --head --port={port}; or unset RAY_ADDRESS to use "
            "this machine."
        ) from error
    answer = query_cluster(address)
    if answer.refusal is not None:
        raise FtlabError(f"it was refused: {answer.reason or answer.refusal}. `make doctor` names the cure.")


def _read_refusal(said: str) -> ClusterAnswer:
    if "couldn't find an authentication token" in said:
        return ClusterAnswer(Refusal.NO_TOKEN)
    if "InvalidAuthToken" in said:
        return ClusterAnswer(Refusal.WRONG_TOKEN)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return ClusterAnswer(Refusal.OTHER, lines[-1] if lines else "it said nothing")


def _print_versions(address: str) -> None:
    from ray import __version__

    # Ray's own commands query with it; the public way, to connect as a driver, leaves a job in the cluster's records.
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    told = json.loads(GcsClient(address=address).internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=10))
    ours = (__version__, ".".join(map(str, sys.version_info[:3])))
    sys.stdout.write(json.dumps({"theirs": [told["ray_version"], told["python_version"]], "ours": ours}))


if __name__ == "__main__":
    _print_versions(sys.argv[1])
