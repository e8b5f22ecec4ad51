import re
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
import torchvision

from ftlab.config.experiment import ResourcesConfig
from ftlab.doctor.finding import Level
from ftlab.doctor.installation import (
    NEWEST_PYTHON,
    OLDEST_PYTHON,
    check_cuda,
    check_packages,
    check_python,
    check_torch,
)
from ftlab.doctor.surroundings import Surroundings

ROOT = Path(__file__).parents[3]


def test_the_versions_of_python_are_those_of_the_package() -> None:
    asked = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert asked is not None
    assert ((3, int(asked[1])), (3, int(asked[2]) - 1)) == (OLDEST_PYTHON, NEWEST_PYTHON)


def test_an_old_python_is_a_fault(surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python(surroundings).level is Level.OK
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    found = check_python(surroundings)
    assert (found.level, found.message) == (Level.FAULT, "3.9.18, but ftlab needs 3.11 to 3.13")


@pytest.mark.slow
def test_another_version_than_the_locks_is_a_warning(surroundings: Surroundings, tmp_path: Path) -> None:
    assert surroundings.lock == ROOT / "requirements.lock"
    lock = tmp_path / "requirements.lock"
    numpy = f"numpy==0.1 ; python_version < '3.0' \\\n    --hash=sha256:abc\nnumpy=={version('numpy')}"
    lock.write_text(f"{numpy}\npandas==0.1 \\\nabsent==1\n")
    found = check_packages(replace(surroundings, lock=lock))
    assert (found.level, found.fix) == (Level.WARNING, "make setup")
    assert f"pandas {version('pandas')} instead of 0.1;" in found.message
    assert "numpy" not in found.message
    lock.write_text(f"numpy=={version('numpy')}+cpu\n")
    assert check_packages(replace(surroundings, lock=lock)).message == "1 packages as in requirements.lock"


def test_a_missing_lock_is_a_warning(surroundings: Surroundings, tmp_path: Path) -> None:
    assert check_packages(replace(surroundings, lock=tmp_path / "none")).level is Level.WARNING


def test_a_package_that_is_missing_is_a_fault(surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ftlab.doctor.installation.requires", lambda _: ["numpy>=1", "nowhere[x]", 'b ; extra == "dev"']
    )
    found = check_packages(surroundings)
    assert (found.level, found.message) == (Level.FAULT, "not installed: nowhere")


def test_torch_and_torchvision_that_do_not_fit_are_a_fault(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_torch(surroundings).level is Level.OK

    def fail(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nand more")

    monkeypatch.setattr(torchvision.ops, "nms", fail)
    found = check_torch(surroundings)
    assert found.level is Level.FAULT
    assert found.message.endswith("do not work together: operator torchvision::nms does not exist")


def test_cuda_is_missed_only_by_a_profile_that_needs_it(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert check_cuda(surroundings).level is Level.OK
    profile = surroundings.profile.model_copy(update={"resources": ResourcesConfig(device="cuda")})
    wanting = replace(surroundings, profile=profile)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "nvidia-smi" in check_cuda(wanting).fix
    monkeypatch.setattr(torch.version, "cuda", None)
    found = check_cuda(wanting)
    assert (found.level, "built without CUDA" in found.message) == (Level.FAULT, True)
