"""Ports and requests on this machine, for servers that tests start."""

import json
import os
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

HOST = "127.0.0.1"

# A proxy that the environment names must not see them.
_OPENER = build_opener(ProxyHandler({}))


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def basic_auth(user: str, password: str) -> dict[str, str]:
    """Return the header that names a user."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def status_of(url: str, headers: Mapping[str, str] | None = None) -> int:
    """Return the status that a GET is answered with.

    Raises:
        OSError: Nobody answers.
    """
    try:
        with _OPENER.open(Request(url, headers=dict(headers or {})), timeout=10.0) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        return error.code


def read_text(url: str) -> str:
    """Return the content that a GET is answered with."""
    with _OPENER.open(url, timeout=10.0) as answer:
        return str(answer.read().decode())


def read_json(url: str) -> Any:
    """Return the JSON that a GET is answered with."""
    return json.loads(read_text(url))


def answers(url: str) -> bool:
    """Return whether a server says that all is well."""
    try:
        return status_of(url) == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 180.0) -> None:
    """Wait for a condition that must come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true in {seconds} s"
        time.sleep(0.1)


def bare_environment() -> dict[str, str]:
    """Return the environment without proxies, which lead away from this machine, and without what `make` hands on."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {
        **{name: value for name, value in kept.items() if not name.startswith(("MAKE", "MFLAGS"))},
        "NO_PROXY": HOST,
    }
