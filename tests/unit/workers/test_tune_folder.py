import os
import subprocess
import sys
import time
from pathlib import Path

from ftlab.workers.tune_folder import remove_left_folders, tune_folder


def make_old(folder: Path) -> None:
    os.utime(folder, (time.time() - 60, time.time() - 60))


def test_a_folder_is_there_until_its_study_ends(tmp_path: Path) -> None:
    with tune_folder(tmp_path / "ray") as folder:
        make_old(folder)
        remove_left_folders(tmp_path / "ray")
        assert folder.is_dir()
    assert list((tmp_path / "ray").iterdir()) == []


def test_what_a_killed_driver_left_is_removed(tmp_path: Path) -> None:
    script = f"""
import os, pathlib
from ftlab.workers.tune_folder import tune_folder
with tune_folder(pathlib.Path({str(tmp_path)!r})) as folder:
    (folder / "searcher.pkl").write_text("")
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    before, foreign = tmp_path / "study-123-456", tmp_path / "mine"
    before.mkdir()
    foreign.mkdir()
    folders = list(tmp_path.glob("study-*"))
    assert len(folders) == 2
    for folder in folders:
        make_old(folder)
    remove_left_folders(tmp_path)
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_folder_that_was_just_made_may_not_be_locked_yet(tmp_path: Path) -> None:
    (tmp_path / "study-1-2").mkdir()
    remove_left_folders(tmp_path)
    assert (tmp_path / "study-1-2").is_dir()


def test_without_a_folder_there_is_nothing_to_remove(tmp_path: Path) -> None:
    remove_left_folders(tmp_path / "ray")
