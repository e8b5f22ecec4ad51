"""The stack: what its file promises of doors, secrets and limits, read as an engine reads it, without an engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Services = dict[str, dict[str, Any]]

SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b")
REFERENCE = re.compile(r"\$\{(\w+)(:?[-?][^}]*)?\}")
# Credentials of an object store outside the stack: without one there is nothing to give.
OPTIONAL = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def resolve(text: str) -> str:
    """Return what an engine makes of variables that nobody set."""
    return REFERENCE.sub(lambda found: (found[2] or "").removeprefix(":-"), text)


def test_the_file_follows_the_compose_specification(docker_folder: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, docker_folder / "compose.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_proxy_publishes_ports_and_on_this_machine_alone(services: Services) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    published = [resolve(port) for port in services["proxy"]["ports"]]
    assert published == ["127.0.0.1:5000:5000", "127.0.0.1:8050:8050", "127.0.0.1:3000:3000"]
    assert not [name for name, service in services.items() if service.get("network_mode") == "host"]


def test_the_door_reaches_neither_database_nor_cluster(services: Services) -> None:
    assert services["proxy"]["networks"] == ["front"]
    on_the_front = {name for name, service in services.items() if "front" in service.get("networks", [])}
    assert on_the_front == {"proxy", "mlflow", "grafana"}
    assert services["explorer"]["network_mode"] == "service:proxy"
    assert services["postgres"]["networks"] == ["store"]


def test_a_secret_has_no_default_and_a_missing_one_stops_everything(services: Services) -> None:
    checked = set()
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            references = {found[1]: found[2] or "" for found in REFERENCE.finditer(str(value))}
            secrets = {reference for reference in references if SECRET.search(reference)} - OPTIONAL
            assert all(references[secret].startswith(":?") for secret in secrets), (name, variable)
            if SECRET.search(variable) and variable not in OPTIONAL:
                assert secrets, f"{variable} of {name} is not taken from docker/.env"
            checked |= secrets
    assert len(checked) == 9


def test_the_generated_secrets_are_those_that_the_stack_asks_for(docker_folder: Path, tmp_path: Path) -> None:
    made = tmp_path / ".env"
    subprocess.run([docker_folder / "make_env.sh", made], check=True, capture_output=True)
    values = dict(line.split("=", 1) for line in made.read_text().splitlines())
    asked = set(re.findall(r"\$\{(\w+):\?", (docker_folder / "compose.yaml").read_text()))
    assert set(values) == asked
    secrets = [value for name, value in values.items() if SECRET.search(name)]
    assert len(set(secrets)) == len(secrets) == 9
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    assert values["FTLAB_UID"] != "0"
    assert made.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [made]


def test_secrets_that_exist_are_left_alone(docker_folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=mine\n")
    subprocess.run([docker_folder / "make_env.sh", tmp_path / ".env"], check=True, capture_output=True)
    assert (tmp_path / ".env").read_text() == "POSTGRES_PASSWORD=mine\n"


@pytest.mark.parametrize("limit", ["cpus", "mem_limit", "pids_limit"])
def test_every_service_is_limited(services: Services, limit: str) -> None:
    assert [name for name, service in services.items() if not service.get(limit)] == []


def test_every_service_is_hardened_and_watched(services: Services) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert "docker.sock" not in str(service.get("volumes")), name
        # The image of ours has a user of its own; one that comes from elsewhere is told.
        assert "build" in service or service["user"].partition(":")[0] not in ("0", "root"), name
        assert service["healthcheck"].get("test") or name == "accounts", name


def test_what_is_waited_for_is_there(services: Services) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in services, name
            if wait["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"], name


def test_ray_asks_for_its_token_everywhere_and_shows_its_dashboard_nowhere(services: Services) -> None:
    for name in ("ray-head", "ray-worker", "ray-worker-gpu", "driver"):
        assert services[name]["environment"]["RAY_AUTH_MODE"] == "token", name
        assert services[name]["networks"] == ["cluster"], name
        assert not [word for word in services[name]["entrypoint"] if "dashboard-host" in word], name


def test_files_that_are_mounted_exist(services: Services, docker_folder: Path) -> None:
    mounts = [volume.split(":") for service in services.values() for volume in service.get("volumes", [])]
    sources = {source for source, *_ in mounts if source.startswith(".")}
    assert len(sources) > 6
    # The results of sweeps are made by `make up`.
    assert [source for source in sources - {"../results"} if not (docker_folder / source).exists()] == []
