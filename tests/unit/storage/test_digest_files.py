from pathlib import Path

import pytest

from ftlab.storage.digest_files import DigestFiles
from ftlab.storage.local import LocalFolder
from ftlab.storage.sealed_json import DamagedError


@pytest.fixture
def files(tmp_path: Path) -> DigestFiles:
    return DigestFiles(LocalFolder(tmp_path / "files"), ".one")


def test_a_key_has_one_file_of_a_kind(files: DigestFiles) -> None:
    other = DigestFiles(files.folder, ".other")
    files.save("aa", b"first")
    other.save("aa", b"another kind")
    digest = files.save("aa", b"second")
    assert files.load("aa", bytes) == (b"second", digest)
    assert other.keys() == files.keys() == {"aa"}
    assert len(files.folder.names()) == 2
    assert files.load("bb", bytes) is None


def test_what_cannot_be_decoded_is_set_aside(files: DigestFiles) -> None:
    files.save("aa", b"text")
    with pytest.raises(DamagedError, match=r"must be as it was kept, but invalid literal"):
        files.load("aa", int)
    assert files.keys() == set()
