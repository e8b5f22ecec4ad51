"""The parts of the image."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def test_hadolint_finds_nothing(docker_folder: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, docker_folder / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_lock_of_images_is_a_part_of_the_lock(docker_folder: Path) -> None:
    whole = dict(PINNED.findall((docker_folder.parent / "requirements.lock").read_text()))
    text = (docker_folder / "requirements.lock").read_text()
    part = dict(PINNED.findall(text))
    assert len(part) > 100
    assert [name for name, version in part.items() if whole.get(name, version) != version] == []
    assert {"flask-wtf", "psycopg2-binary", "ray", "torch"} <= set(part)
    assert not {"pytest", "ruff", "mypy"} & set(part)
    assert "://" not in text


def test_no_file_names_a_registry(docker_folder: Path) -> None:
    compose = yaml.safe_load((docker_folder / "compose.yaml").read_text())
    images = [service["image"].rpartition(":-")[2].rstrip("}") for service in compose["services"].values()]
    images += re.findall(r"^ARG BASE_IMAGE=(\S+)", (docker_folder / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if "." in image.partition("/")[0] and "/" in image] == []


def check_health(docker_folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, docker_folder / "bin" / "healthcheck.py"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_a_container_is_healthy_where_it_can_write(docker_folder: Path, tmp_path: Path) -> None:
    assert check_health(docker_folder, FTLAB_HOME=str(tmp_path), HEALTH_URL="").returncode == 0
    done = check_health(docker_folder, FTLAB_HOME=str(tmp_path / "absent"), HEALTH_URL="")
    assert done.returncode == 1
    assert "absent" in done.stderr


def test_a_server_that_does_not_answer_is_not_healthy(docker_folder: Path, tmp_path: Path) -> None:
    done = check_health(docker_folder, FTLAB_HOME=str(tmp_path), HEALTH_URL="http://127.0.0.1:9/")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/" in done.stderr


@pytest.mark.parametrize(
    "script", ["make_env.sh", "test.sh", "smoke.sh", "bin/serve_mlflow.sh", "bin/leave_out_cuda.sh"]
)
def test_scripts_are_of_their_shells_syntax(docker_folder: Path, script: str) -> None:
    path = docker_folder / script
    shell = "bash" if path.read_text().startswith("#!/usr/bin/env bash") else "sh"
    assert subprocess.run([shell, "-n", path], capture_output=True, text=True).stderr == ""
