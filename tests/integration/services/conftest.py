import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import Checkout
from loopback import bare_environment, free_port
from mlflow import MlflowClient
from postgres_server import PostgresServer
from prometheus_server import PrometheusServer
from ray_nodes import RayNodes
from tracking_server import ACCOUNTS, RUNS, TrackingServer


@dataclass(frozen=True)
class Installation:
    """A team's servers, and a user's checkout.

    Attributes:
        folder: Folder of all files of servers and commands, except those of PostgreSQL and Ray.
        database: PostgreSQL.
        tracking: MLflow, on PostgreSQL.
        nodes: A Ray cluster.
        monitoring: Prometheus, which asks the driver.
        checkout: Checkout in which the user runs commands, with the variables of docs/tutorials/cluster.md.
    """

    folder: Path
    database: PostgresServer
    tracking: TrackingServer
    nodes: RayNodes
    monitoring: PrometheusServer
    checkout: Checkout

    @property
    def home(self) -> Path:
        """FTLAB_HOME of the user."""
        return self.folder / "home"

    @property
    def client(self) -> MlflowClient:
        """The store as its database has it."""
        return self.tracking.direct_client()

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the installation, by their names in words."""
        return {
            "the database's password": self.database.password,
            "MLflow's password": self.tracking.password,
            "Ray's token": self.nodes.token.read_text(),
        }


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start everything, once for the tests of a module; what is not installed skips them."""
    if PostgresServer.programs() is None:
        pytest.skip("PostgreSQL is not installed: /usr/lib/postgresql/*/bin/postgres")
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed: prometheus")
    folder = tmp_path_factory.mktemp("installation")
    yield from _installation(folder)


def _installation(folder: Path) -> Iterator[Installation]:
    surroundings = {**bare_environment(), "FTLAB_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    metrics_port = free_port()
    database = PostgresServer([RUNS, ACCOUNTS])
    tracking = TrackingServer(folder / "mlflow", database)
    (folder / "nodes").mkdir()
    nodes = RayNodes(folder / "nodes", surroundings)
    monitoring = PrometheusServer(folder / "prometheus", metrics_port)
    user = {"FTLAB_METRICS_PORT": str(metrics_port), **tracking.client_environment, **nodes.client_environment}
    checkout = Checkout(folder / "checkout", {**surroundings, **user})
    try:
        tracking.start()
        nodes.start(3)
        yield Installation(folder, database, tracking, nodes, monitoring, checkout)
    finally:
        checkout.close()
        monitoring.close()
        nodes.close()
        tracking.kill()
        database.close()
