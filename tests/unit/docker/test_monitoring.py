"""Dashboards show what is exported, and Prometheus asks those who export it."""

import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftlab.workers.metrics import METRIC_NAMES

DASHBOARDS = sorted((Path(__file__).parents[3] / "dashboards" / "grafana").glob("*.json"))

DRIVER_METRICS = {*METRIC_NAMES, "process_resident_memory_bytes"}
PROMETHEUS_METRICS = {"up"}
PROMQL = {"by", "or", "vector", "sum", "count", "max", "rate", "histogram_quantile", "state", "le", "experiment"}


def panels(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["panels"]


def expressions(path: Path) -> Iterator[str]:
    for panel in panels(path):
        yield from (target["expr"] for target in panel["targets"])


def metrics_of(expression: str) -> set[str]:
    """Return the metrics that a query names: its words that are neither labels, durations nor of the language."""
    bare = re.sub(r"\{.*?\}|\[.*?\]", " ", expression)
    return set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - PROMQL


def ray_metrics() -> set[str]:
    """Return the metrics that the installed Ray defines for its nodes, and those its own dashboards show."""
    package = Path(find_spec("ray").submodule_search_locations[0]) / "dashboard" / "modules"
    defined = re.findall(r'Gauge\(\s*"(\w+)"', (package / "reporter" / "reporter_agent.py").read_text())
    shown = (package / "metrics" / "dashboards" / "default_dashboard_panels.py").read_text()
    assert len(defined) > 30
    return {f"ray_{name}" for name in defined} | set(re.findall(r"\bray_\w+", shown))


def test_there_is_a_dashboard_for_sweeps_and_one_for_the_cluster() -> None:
    assert [path.stem for path in DASHBOARDS] == ["cluster", "sweeps"]
    used = {metric for path in DASHBOARDS for expression in expressions(path) for metric in metrics_of(expression)}
    # All that the driver exports can be seen.
    assert used >= DRIVER_METRICS


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_metric_that_is_shown_is_exported(path: Path) -> None:
    exported = DRIVER_METRICS | PROMETHEUS_METRICS | ray_metrics()
    used = {metric for expression in expressions(path) for metric in metrics_of(expression)}
    assert used
    assert used - exported == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_complete(path: Path, docker_folder: Path) -> None:
    content = json.loads(path.read_text())
    assert content["uid"] == f"ftlab-{path.stem}"
    assert [panel["id"] for panel in content["panels"]] == list(range(1, len(content["panels"]) + 1))
    provisioned = yaml.safe_load((docker_folder / "grafana" / "datasources.yaml").read_text())
    sources = {source["uid"] for source in provisioned["datasources"]}
    assert {panel["datasource"]["uid"] for panel in content["panels"]} <= sources
    assert [panel["title"] for panel in content["panels"] if not panel["fieldConfig"]["defaults"]["unit"]] == []


def test_prometheus_asks_the_driver_and_every_node(docker_folder: Path, services: dict[str, dict[str, Any]]) -> None:
    content = yaml.safe_load((docker_folder / "prometheus" / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job for job in content["scrape_configs"]}
    port = services["driver"]["environment"]["FTLAB_METRICS_PORT"]
    assert jobs["ftlab-driver"]["static_configs"] == [{"targets": [f"driver:{port}"]}]
    (nodes,) = jobs["ray"]["dns_sd_configs"]
    for name in nodes["names"]:
        assert f"--metrics-export-port={nodes['port']}" in services[name]["entrypoint"], name
