"""A pipe, a device or a folder in the place of a file is refused at once, and never waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.errors import StorageError, TrackingError
from ftlab.storage.local import LocalFolder
from ftlab.storage.plain_file import open_lock, open_plain, read_plain
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import HistoryPart
from ftlab.tracking.score_history import read_score_history
from ftlab.tracking.timings import read_timings

OTHERS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "link to a pipe": lambda path: (os.mkfifo(path.with_name("pipe")), path.symlink_to("pipe")),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path),
}


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a1.jsonl"
    OTHERS[request.param](path)
    return path


def test_a_plain_file_is_opened_and_made(tmp_path: Path) -> None:
    with open_lock(tmp_path / "file") as file:
        file.write(b"content")
    assert read_plain(tmp_path / "file") == b"content"


@pytest.mark.parametrize("verb", [open_plain, open_lock, read_plain])
def test_what_is_no_plain_file_is_refused(other: Path, verb: Callable[[Path], object]) -> None:
    with pytest.raises(OSError, match=r"a1\.jsonl"):
        verb(other)


def test_every_reader_of_a_home_refuses_it(other: Path) -> None:
    with pytest.raises(StorageError, match=r"a1\.jsonl must be readable and writable, but is not"):
        LocalFolder(other.parent).read(other.name)
    with pytest.raises(TrackingError, match="the journal must be a file that can be read and written"):
        Journal(other.parent).read("a1")
    with pytest.raises(OSError, match=r"a1\.jsonl"):
        read_score_history(other, [HistoryPart.METRICS])
    assert read_timings(other) is None
