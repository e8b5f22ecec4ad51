"""The contract of every folder, on a disk and in an object store."""

import pytest

from ftlab.storage.folder import WRITING_PREFIX, Folder


def test_what_was_written_is_read(folder: Folder) -> None:
    content = bytes(range(256)) * 1000
    folder.write("a", content)
    folder.write("empty", b"")
    assert folder.read("a") == content
    assert folder.read("empty") == b""


@pytest.mark.slow
def test_more_than_an_upload_takes_at_once(folder: Folder) -> None:
    content = b"0123456789abcdef" * (25 * 2**20 // 16)
    folder.write("large", content)
    assert folder.read("large") == content


def test_writing_again_replaces(folder: Folder) -> None:
    folder.write("a", b"first, and longer")
    folder.write("a", b"second")
    assert folder.read("a") == b"second"
    assert folder.names() == ["a"]


def test_names(folder: Folder) -> None:
    assert folder.names() == []
    assert not folder.exists("a")
    for name in ("a", "b.json"):
        folder.write(name, b"content")
    assert sorted(folder.names()) == ["a", "b.json"]
    assert folder.exists("a")
    assert not folder.exists("b")


def test_deleting(folder: Folder) -> None:
    folder.write("a", b"a")
    folder.write("b", b"b")
    folder.delete("a")
    folder.delete("a")
    folder.delete("never written")
    assert folder.names() == ["b"]
    assert not folder.exists("a")


def test_deleting_from_a_folder_that_is_missing(folder: Folder) -> None:
    folder.delete("a")
    assert folder.delete_abandoned() == 0


def test_a_missing_file(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read("a")
    folder.write("b", b"")
    with pytest.raises(FileNotFoundError):
        folder.read("a")


def test_what_is_being_written_has_no_name_yet(folder: Folder) -> None:
    folder.write(f"{WRITING_PREFIX}123", b"half")
    folder.write("whole", b"content")
    assert folder.names() == ["whole"]
    assert folder.delete_abandoned() == 0, "it is not an hour old"
