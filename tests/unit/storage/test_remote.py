import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem

from ftlab.errors import StorageError
from ftlab.storage.folder import ABANDONED_AFTER_SECONDS, WRITING_PREFIX, Folder
from ftlab.storage.location import open_folder
from ftlab.storage.remote import RemoteFolder

UPLOAD = """
import sys
from ftlab.storage.location import open_folder
folder = open_folder(sys.argv[1], "things")
folder.names()
print("connected", flush=True)
sys.stdin.readline()
folder.write("a", b"0123456789abcdef" * 4 * 2**20)
print("done")
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_during_an_upload_publishes_nothing(object_store: Any) -> None:
    location = object_store.make_location()
    writer = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, location], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "connected\n"
    os.kill(object_store.process.pid, signal.SIGSTOP)
    try:
        writer.stdin.write("\n")
        writer.stdin.flush()
        time.sleep(0.5)
        assert writer.poll() is None
        writer.kill()
        rest, _ = writer.communicate()
    finally:
        os.kill(object_store.process.pid, signal.SIGCONT)
    assert rest == ""
    folder = open_folder(location, "things")
    assert folder.names() == []
    folder.write("a", b"again")
    assert folder.read("a") == b"again"


def test_a_bucket_that_is_missing(object_store: Any) -> None:
    address = object_store.address
    folder = open_folder(f"s3://key:secret@nowhere/lab?endpoint_override={address}&region=us-east-1", "things")
    with pytest.raises(StorageError, match=r"s3://nowhere/lab/things/a must be .*bucket does not exist") as caught:
        folder.write("a", b"")
    assert "secret" not in str(caught.value)


@pytest.mark.slow  # pyarrow tries again for six seconds
def test_a_store_that_does_not_answer() -> None:
    folder = open_folder("s3://key:secret@bucket/lab?endpoint_override=http://127.0.0.1:9&region=us-east-1", "things")
    with pytest.raises(StorageError, match="Could not connect to server"):
        folder.read("a")


def test_where_files_are_renamed_an_abandoned_one_is_deleted_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RemoteFolder(LocalFileSystem(), str(tmp_path / "things"), "local")
    for name in ("whole", f"{WRITING_PREFIX}1"):
        folder.write(name, b"content")
    assert folder.delete_abandoned() == 0
    later = time.time() + ABANDONED_AFTER_SECONDS + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert folder.delete_abandoned() == 1
    assert folder.names() == ["whole"]


def test_an_object_store_holds_nothing_but_what_was_written(s3: Folder) -> None:
    s3.write("a", b"content")
    assert [file.base_name for file in s3._files()] == ["a"]  # type: ignore[attr-defined]
