"""The listing of every folder with sizes and times, on a disk and in an object store."""

import time

from ftlab.storage.folder import WRITING_PREFIX, Folder


def test_entries_have_sizes_and_times(folder: Folder) -> None:
    assert folder.entries() == []
    folder.write("a", b"123")
    folder.write("b", b"")
    folder.write(f"{WRITING_PREFIX}1", b"half")
    found = {entry.name: entry for entry in folder.entries()}
    assert {name: entry.size for name, entry in found.items()} == {"a": 3, "b": 0}
    # A store that tells no times has the oldest.
    assert all(entry.written == 0 or abs(entry.written - time.time()) < 60 for entry in found.values())
