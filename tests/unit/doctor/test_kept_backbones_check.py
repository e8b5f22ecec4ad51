from pathlib import Path

import pytest

from ftlab.doctor.finding import Level
from ftlab.doctor.machine import check_backbones
from ftlab.doctor.surroundings import Surroundings


def test_the_size_of_kept_backbones_is_told(
    surroundings: Surroundings, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_backbones(surroundings).message == "no backbones yet, of at most 20.0 GB"
    (home_folder / "backbones").mkdir()
    (home_folder / "backbones" / "key-digest.safetensors").write_bytes(b"x" * 2000)
    found = check_backbones(surroundings)
    assert (found.level, found.message) == (Level.OK, "1 backbone takes 2 kB of 20.0 GB, 1 of them in no table")
    monkeypatch.setenv("FTLAB_BACKBONES", "1kB")
    assert check_backbones(surroundings).level is Level.WARNING
    monkeypatch.setenv("FTLAB_BACKBONES", "lots")
    found = check_backbones(surroundings)
    assert (found.level, found.fix) == (Level.FAULT, "export FTLAB_BACKBONES=20GB")
