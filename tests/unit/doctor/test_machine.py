import os
import shutil
import tempfile
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.doctor.finding import Level
from ftlab.doctor.machine import (
    GIB,
    check_clock,
    check_data,
    check_disk,
    check_home,
    check_ray_disk,
    check_shared_home,
)
from ftlab.doctor.surroundings import Surroundings

SHORT = "/tmp"  # noqa: S108 - only named
Usage = namedtuple("Usage", ("total", "used", "free"))


def set_free(monkeypatch: pytest.MonkeyPatch, free: float, total: float = 100 * GIB) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))


def test_a_home_that_can_be_made_is_good_and_not_made(surroundings: Surroundings) -> None:
    assert check_home(surroundings).level is Level.OK
    assert not surroundings.home.local.exists()


def test_a_file_in_place_of_the_home_is_a_fault(surroundings: Surroundings) -> None:
    surroundings.home.local.write_text("")
    found = check_home(surroundings)
    assert (found.level, "is a file" in found.message) == (Level.FAULT, True)


def test_a_home_that_cannot_be_written_is_a_fault(
    surroundings: Surroundings, home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may write anywhere
    found = check_home(surroundings)
    assert (found.level, found.fix.startswith(f"chmod u+rwx {home_folder}")) == (Level.FAULT, True)


@pytest.mark.parametrize(("free", "level"), [(0.5, Level.FAULT), (3.0, Level.WARNING), (50.0, Level.OK)])
def test_little_free_disk_is_told(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch, free: float, level: Level
) -> None:
    set_free(monkeypatch, free * GIB)
    assert check_disk(surroundings).level is level
    assert f"{free:.1f} GiB free" in check_disk(surroundings).message


def test_a_large_disk_that_is_too_full_for_ray_is_a_warning(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_free(monkeypatch, 20 * GIB, total=1000 * GIB)
    assert (check_disk(surroundings).level, check_ray_disk(surroundings).level) == (Level.OK, Level.WARNING)
    assert check_ray_disk(surroundings).fix == "export RAY_TMPDIR=/a/larger/disk"


def test_the_disk_is_that_of_the_folder_that_ray_takes(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", f"{SHORT}/{'d' * 60}")
    assert f"free at {SHORT}/ray" in check_ray_disk(surroundings).message
    monkeypatch.setenv("RAY_TMPDIR", f"{SHORT}/{'d' * 60}")
    found = check_ray_disk(surroundings)
    assert (found.level, found.fix) == (Level.FAULT, f"export RAY_TMPDIR={SHORT}")


def test_files_of_the_future_tell_of_a_wrong_clock(surroundings: Surroundings, home_folder: Path) -> None:
    assert check_clock(surroundings).level is Level.OK
    (home_folder / "mlflow.db").touch()
    os.utime(home_folder / "mlflow.db", (time.time() + 3600,) * 2)
    found = check_clock(surroundings)
    assert (found.level, "in the future" in found.message) == (Level.WARNING, True)


def test_images_that_are_not_there_are_a_fault(surroundings: Surroundings, tmp_path: Path) -> None:
    assert check_data(surroundings).level is Level.OK
    missing = replace(surroundings, data=DataConfig(name="cifar10", root=str(tmp_path)))
    found = check_data(missing)
    assert (found.level, "cifar10 must lie in" in found.message) == (Level.FAULT, True)
    allowed = replace(surroundings, data=DataConfig(name="cifar10", root=str(tmp_path), download=True))
    assert "downloaded when it is missing" in check_data(allowed).message
    assert list(tmp_path.rglob("cifar*")) == []


def test_a_large_cache_is_foretold(surroundings: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "cat").mkdir(parents=True)
        Image.new("RGB", (640, 427)).save(tmp_path / split / "cat/1.png")
    photos = replace(surroundings, data=DataConfig(name="folder", root=str(tmp_path), short_side=512))
    assert "GB" not in check_data(photos).message
    monkeypatch.setattr("ftlab.doctor.machine.LARGE_CACHE", 1e6)
    assert check_data(photos).message.endswith("files, about 0.0 GB in the cache of decoded images")


@pytest.mark.slow
def test_an_object_store_is_asked(surroundings: Surroundings, object_store: Any) -> None:
    assert check_shared_home(surroundings).message == "not used: FTLAB_HOME is a path"
    there = check_shared_home(replace(surroundings, home=Home(object_store.make_location())))
    assert (there.level, "answers, 0 checkpoints" in there.message) == (Level.OK, True)


def test_an_object_store_that_cannot_be_opened_is_a_fault_without_its_secret(surroundings: Surroundings) -> None:
    found = check_shared_home(replace(surroundings, home=Home("gopher://ann:secret@bucket/lab")))
    assert found.level is Level.FAULT
    assert "gopher://bucket/lab" in found.message
    assert "secret" not in found.message
