import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlab.errors import StorageError
from ftlab.storage.folder import ABANDONED_AFTER_SECONDS, WRITING_PREFIX
from ftlab.storage.local import LocalFolder


def files(folder: LocalFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def test_a_crash_while_writing_leaves_the_old_file(local: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    local.write("a", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match=r"things/a must be readable and writable, .* No space left on device"):
        local.write("a", b"new")
    assert local.read("a") == b"old"
    assert files(local) == ["a"]


def test_an_interrupt_while_writing_leaves_the_old_file(local: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    local.write("a", b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        local.write("a", b"new")
    assert local.read("a") == b"old"
    assert files(local) == ["a"]


def test_a_disk_that_is_full_leaves_the_old_file(local: LocalFolder) -> None:
    local.write("a", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(StorageError, match=r"things/a must be readable and writable, but is not: File too large"):
            local.write("a", b"n" * 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert local.read("a") == b"old"
    assert files(local) == ["a"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = LocalFolder(tmp_path / "file" / "things")
    with pytest.raises(StorageError, match="file/things/a must be readable and writable, but is not: Not a directory"):
        folder.write("a", b"")
    with pytest.raises(StorageError, match="Not a directory"):
        folder.read("a")


def test_what_cannot_be_read_is_not_missing(local: LocalFolder) -> None:
    (local.path / "a").mkdir(parents=True)
    with pytest.raises(StorageError, match="Is a directory"):
        local.read("a")


def test_only_what_a_dead_writer_left_is_deleted(local: LocalFolder) -> None:
    for name in ("whole", f"{WRITING_PREFIX}old", f"{WRITING_PREFIX}new"):
        local.write(name, b"content")
    before = time.time() - ABANDONED_AFTER_SECONDS - 60
    for name in ("whole", f"{WRITING_PREFIX}old"):
        os.utime(local.path / name, (before, before))
    assert local.delete_abandoned() == 1
    assert files(local) == [f"{WRITING_PREFIX}new", "whole"]


def test_a_killed_writer_leaves_nothing_with_a_name(local: LocalFolder) -> None:
    script = f"""
import os, sys
from pathlib import Path
from ftlab.storage.local import LocalFolder
os.fsync = lambda descriptor: (print("written", flush=True), sys.stdin.read())
LocalFolder(Path({str(local.path)!r})).write("a", b"content")
"""
    writer = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.kill()
    writer.communicate()
    assert local.names() == []
    (left,) = files(local)
    before = time.time() - ABANDONED_AFTER_SECONDS - 60
    os.utime(local.path / left, (before, before))
    assert local.delete_abandoned() == 1
    assert files(local) == []
