import errno
import os
from pathlib import Path

import pytest

from ftlab.errors import ResultsError
from ftlab.storage.atomic import require_writable, write_if_changed


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.md"
    assert write_if_changed(path, b"one")
    os.utime(path, (1, 1))
    assert not write_if_changed(path, b"one")
    assert path.stat().st_mtime == 1
    assert write_if_changed(path, b"two")
    assert path.read_bytes() == b"two"


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    target = tmp_path / "table.md"
    target.mkdir()
    with pytest.raises(ResultsError, match=r"table\.md cannot be: Is a directory\. Make it yours"):
        write_if_changed(target, b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]


def test_a_full_disk_is_told_from_a_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(ResultsError, match=r"No space left on device\. Free some space"):
        write_if_changed(tmp_path / "table.md", b"one")


def test_a_folder_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    require_writable(tmp_path)
    require_writable(tmp_path / "momentum" / "digits")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    # A file where the folder should be, and folders that even root cannot write to.
    (tmp_path / "results").write_text("")
    for folder in (tmp_path / "results", tmp_path / "results" / "momentum", Path("/proc/results")):
        with pytest.raises(ResultsError, match=f"results must be written, but {folder} cannot be"):
            require_writable(folder)
