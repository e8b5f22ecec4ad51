"""The cluster on Kubernetes: every pod of it is as closed as a container of the stack."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def manifests(docker_folder: Path) -> dict[str, Any]:
    return {found["kind"]: found for found in yaml.safe_load_all((docker_folder / "kuberay.yaml").read_text())}


@pytest.fixture(scope="module")
def pods(manifests: dict[str, Any]) -> list[dict[str, Any]]:
    spec = manifests["RayCluster"]["spec"]
    return [group["template"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def test_the_nodes_run_the_ray_of_the_lock(manifests: dict[str, Any]) -> None:
    assert manifests["RayCluster"]["spec"]["rayVersion"] == version("ray")


def test_every_pod_is_closed_limited_and_asks_for_the_token(pods: list[dict[str, Any]]) -> None:
    assert len(pods) == 3
    for pod in pods:
        (container,) = pod["spec"]["containers"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
        environment = {variable["name"]: variable for variable in container["env"]}
        assert environment["RAY_AUTH_MODE"]["value"] == "token"
        assert environment["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "ftlab", "key": "ray-token"}


def test_the_policy_covers_every_pod(manifests: dict[str, Any], pods: list[dict[str, Any]]) -> None:
    covered = manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert [pod for pod in pods if not covered.items() <= pod["metadata"]["labels"].items()] == []
