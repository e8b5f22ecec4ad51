"""A Prometheus server on a free port of this machine."""

import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from loopback import HOST, answers, free_port, read_json, wait_until


class PrometheusServer:
    """Asks a driver for its metrics every second.

    Args:
        folder: Empty folder for its data.
        target: Port of this machine that the driver serves its metrics at.
    """

    def __init__(self, folder: Path, target: int) -> None:
        folder.mkdir(parents=True)
        self._uri = f"http://{HOST}:{(port := free_port())}"
        jobs = [{"job_name": "ftlab", "static_configs": [{"targets": [f"{HOST}:{target}"]}]}]
        settings = folder / "prometheus.yml"
        settings.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
        command = ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}"]
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--web.listen-address={HOST}:{port}"], cwd=folder, stdout=log, stderr=log
            )
        wait_until(lambda: answers(f"{self._uri}/-/ready"), 60.0)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression finds, each with its labels and its value."""
        answer = read_json(f"{self._uri}/api/v1/query?{urlencode({'query': expression})}")
        assert answer["status"] == "success"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float:
        """Return the value of an expression that finds one series."""
        (series,) = self.query(expression)
        return float(series["value"][1])

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(30.0)
