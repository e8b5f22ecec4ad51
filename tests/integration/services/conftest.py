import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import Checkout
from loopback import free_port, without_proxies
from mlflow import MlflowClient
from mlflow.entities import Run
from ray_nodes import RayNodes


@dataclass(frozen=True)
class Services:
    """A team's installation as plain processes.

    Attributes:
        database: PostgreSQL.
        tracking: MLflow, on PostgreSQL.
        nodes: A Ray cluster of three nodes.
        metrics_port: Port that a driver serves its metrics at.
        checkout: Where the user works.
    """

    database: "PostgresServer"  # noqa: F821
    tracking: "TrackingServer"  # noqa: F821
    nodes: RayNodes
    metrics_port: int
    checkout: Checkout
