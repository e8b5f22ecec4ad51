"""An MLflow server with a locked door, on a free port of this machine, which can be killed and started again."""

import os
import secrets
import signal
import subprocess
import sys
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path

from loopback import HOST, answers, bare_environment, basic_auth, free_port, status_of, wait_until
from mlflow import MlflowClient
from postgres_server import PostgresServer

USER = "admin"
RUNS, ACCOUNTS = "mlflow", "mlflow_auth"
RUNS_API = "/api/2.0/mlflow/experiments/search?max_results=1"


class TrackingServer:
    """Keeps runs and accounts in PostgreSQL and artifacts in a folder, and lets in who has the password.

    Args:
        folder: Empty folder for artifacts, settings and the log.
        database: Server that holds the databases `RUNS` and `ACCOUNTS`.
    """

    def __init__(self, folder: Path, database: PostgresServer) -> None:
        folder.mkdir(parents=True)
        self.password = secrets.token_urlsafe(24)
        self.log = folder / "server.log"
        self._folder = folder
        self._database = database
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.settings = folder / "basic_auth.ini"
        self._write_settings()
        self._secret_key = secrets.token_hex(32)

    @property
    def uri(self) -> str:
        """Address for clients."""
        return f"http://{HOST}:{self._port}"

    @property
    def artifacts(self) -> Path:
        """Folder of the artifacts, which clients reach through the server alone."""
        return self._folder / "artifacts"

    @property
    def client_environment(self) -> dict[str, str]:
        """Environment variables of a client of the server."""
        return {
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": self.password,
        }

    def direct_client(self) -> MlflowClient:
        """Return a client of the database, without the server, which takes a tenth of a second for each password."""
        return MlflowClient(tracking_uri=self._database.uri(RUNS))

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self._port)]
        command += ["--backend-store-uri", self._database.uri(RUNS), "--app-name", "basic-auth", "--workers", "1"]
        command += ["--serve-artifacts", "--artifacts-destination", str(self.artifacts)]
        command += ["--allowed-hosts", f"{HOST}:{self._port}"]
        # Passwords go by files and the environment: everybody on a machine sees command lines.
        environment = {
            **bare_environment(),
            "MLFLOW_AUTH_CONFIG_PATH": str(self.settings),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self._secret_key,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers)

    @property
    def is_ready(self) -> bool:
        """Return whether the server and its database answer clients."""
        try:
            return status_of(f"{self.uri}{RUNS_API}", basic_auth(USER, self.password)) == 200
        except OSError:
            return False

    def kill(self) -> None:
        """Kill every process of the server at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return answers(f"{self.uri}/health")

    def _write_settings(self) -> None:
        settings = ConfigParser(interpolation=None)
        settings["mlflow"] = {
            "default_permission": "READ",
            "database_uri": self._database.uri(ACCOUNTS),
            "admin_username": USER,
            "admin_password": self.password,
            "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        }
        self.settings.touch(mode=0o600)
        with self.settings.open("w") as file:
            settings.write(file)
