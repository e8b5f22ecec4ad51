import os
from pathlib import Path

import pytest

from ftlab.reporting.atomic import write_if_changed


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
    with pytest.raises(IsADirectoryError):
        write_if_changed(target, b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]
