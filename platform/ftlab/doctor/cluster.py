"""Check of the Ray cluster that a sweep would run on."""

import socket

from ftlab.doctor.finding import Finding, fault, good
from ftlab.doctor.surroundings import Surroundings
from ftlab.workers.cluster_query import ClusterAnswer, Refusal, query_cluster

CONNECT_SECONDS = 5.0


def check_ray(surroundings: Surroundings) -> Finding:
    """Check that the cluster answers, accepts our token and runs our versions of Ray and Python."""
    address = surroundings.ray_address
    if not address or address == "local":
        return good("on this machine: RAY_ADDRESS is not set")
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        where = "see docs/tutorials/cluster.md, Where the driver may be"
        return fault(f"RAY_ADDRESS must be HOST:PORT, but is {address}", where)
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        return fault(
            f"{address} does not answer: {error}",
            f"on the head: ray start --head --port={port}; or unset RAY_ADDRESS to use this machine",
        )
    return _judge(address, query_cluster(address))


def _judge(address: str, answer: ClusterAnswer) -> Finding:
    if answer.refusal is Refusal.NO_TOKEN:
        return fault(
            f"{address}: token authentication is on here, and there is no token",
            "copy ~/.ray/auth_token from the head, or export RAY_AUTH_TOKEN=...",
        )
    if answer.refusal is Refusal.WRONG_TOKEN:
        return fault(
            f"{address} does not accept our token, or was sent none",
            "copy ~/.ray/auth_token from the head, and export RAY_AUTH_MODE=token",
        )
    if answer.refusal is not None:
        return fault(
            f"{address} can be reached, but does not answer like Ray: {answer.reason}", "ray status on the head"
        )
    if answer.theirs != answer.ours:
        return fault(
            f"{address} runs {_named(answer.theirs)}, but this machine runs {_named(answer.ours)}",
            "make setup with the same Python on every node; requirements.lock names Ray's version",
        )
    return good(f"{address} answers, {_named(answer.theirs)}")


def _named(versions: tuple[str, str]) -> str:
    ray, python = versions
    return f"Ray {ray} on Python {python}"
