"""Serve the driver's metrics to Prometheus while a study runs, if FTLAB_METRICS_PORT is set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ftlab.errors import ConfigError

if TYPE_CHECKING:
    from ftlab.workers.metrics import StudyMetrics

DEFAULT_HOST = "127.0.0.1"
MAX_PORT = 65535


@contextmanager
def serve_metrics(experiment: str) -> Iterator["StudyMetrics | None"]:
    """Serve the metrics of a study until the block ends; without FTLAB_METRICS_PORT there are none.

    Args:
        experiment: Label of the metrics.

    Raises:
        ConfigError: FTLAB_METRICS_PORT is no port, or cannot be bound at FTLAB_METRICS_HOST.
    """
    spelled = os.environ.get("FTLAB_METRICS_PORT")
    if not spelled:
        yield None
        return
    host, port = os.environ.get("FTLAB_METRICS_HOST") or DEFAULT_HOST, _parse_port(spelled)
    from prometheus_client import start_http_server

    from ftlab.workers.metrics import StudyMetrics

    metrics = StudyMetrics(experiment)
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise ConfigError(
            f"FTLAB_METRICS_PORT must be a port that is free, but {host}:{port} cannot be bound: {error.strerror}. "
            "Choose another (each driver of a machine needs its own), correct FTLAB_METRICS_HOST, or unset both."
        ) from error
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parse_port(spelled: str) -> int:
    port = int(spelled) if spelled.isascii() and spelled.isdigit() else 0
    if not 1 <= port <= MAX_PORT:
        raise ConfigError(
            f"FTLAB_METRICS_PORT must be a number from 1 to {MAX_PORT}, but got {spelled!r}; e.g. 9400, "
            "or unset it to have no metrics."
        )
    return port
