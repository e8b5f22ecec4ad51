import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ftlab.errors import ConfigError
from ftlab.workers.ray_folder import MARK, MAX_BYTES, mark_session, ray_folder, remove_left_sessions

SHORT = "/tmp"  # noqa: S108 - only named


@pytest.fixture(autouse=True)
def _none_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)  # TMPDIR is read anew


def test_the_longest_socket_of_the_longest_folder_fits() -> None:
    session = "session_2026-11-27_09-48-14_942851_4194304/sockets/plasma_store"
    assert len("a" * MAX_BYTES + "/ray/" + session) == 107


@pytest.mark.parametrize(
    ("folder", "is_used"),
    [("short", True), ("d" * 60, False), ("ü" * 30, False), ("a b", True), ("deep/" * 12, False), ("absent", True)],
)
def test_a_folder_of_temporary_files_that_is_deep_is_left_for_a_short_one(
    folder: str, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="r", dir=SHORT) as parent:
        path = Path(parent) / folder
        if folder != "absent":
            path.mkdir(parents=True)
        monkeypatch.setenv("TMPDIR", str(path))
        expected = path if is_used and folder != "absent" else Path(SHORT)
        assert ray_folder() == expected / "ray"


@pytest.mark.parametrize(
    "folder", [f"{SHORT}/" + "d" * 60, "d" * 60, "ü" * 30, "/proc/version/x", f"{SHORT}/" + "a/" * 40]
)
def test_a_named_folder_that_does_not_serve_is_refused_with_what_to_do(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", folder)
    with pytest.raises(ConfigError, match=rf"path of at most {MAX_BYTES} bytes.*got '{folder}'.*RAY_TMPDIR=/tmp\."):
        ray_folder()


def test_a_relative_named_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHORT)
    monkeypatch.setenv("RAY_TMPDIR", "mine")
    assert ray_folder() == Path(SHORT) / "mine" / "ray"


def test_sessions_of_killed_drivers_are_removed_and_no_others(tmp_path: Path) -> None:
    killed, living, foreign, unmarked = (tmp_path / f"session_{name}" for name in ("a", "b", "c", "d"))
    for folder in (killed, living, foreign, unmarked):
        (folder / "logs").mkdir(parents=True)
    script = f"""
import os, pathlib
from ftlab.workers.ray_folder import mark_session
mark_session(pathlib.Path({str(killed)!r}))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    mark_session(living)
    (foreign / MARK).symlink_to(killed / MARK)
    (tmp_path / "session_latest").symlink_to(unmarked)
    remove_left_sessions(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session_b", "session_c", "session_d", "session_latest"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_session_of_another_user_is_left(tmp_path: Path) -> None:
    (tmp_path / "session_a").mkdir()
    (tmp_path / "session_a" / MARK).touch()
    os.chown(tmp_path / "session_a" / MARK, 65534, 65534)
    remove_left_sessions(tmp_path)
    assert (tmp_path / "session_a").is_dir()


def test_without_a_folder_there_are_no_sessions(tmp_path: Path) -> None:
    remove_left_sessions(tmp_path / "ray")
