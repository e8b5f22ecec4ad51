import os
from hashlib import sha256
from pathlib import Path

import pytest

from ftlab.errors import ResultsError
from ftlab.storage.made_files import MadeFiles

FILES = {"figure.png": b"picture", "figures/curves.pdf": b"page"}
CONTENTS = {name: sha256(content).hexdigest() for name, content in FILES.items()}
SOURCES = dict.fromkeys(FILES, "numbers and code")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    MadeFiles(tmp_path).make([tmp_path / name for name in FILES], "numbers and code", lambda: list(FILES.values()))
    return tmp_path


def is_made(made: MadeFiles, folder: Path, source: str = "numbers and code") -> bool:
    calls = []

    def content() -> list[bytes]:
        calls.append(source)
        return list(FILES.values())

    paths = [folder / name for name in FILES]
    assert made.make(paths, source, content) == paths
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths} == FILES
    assert made.made_from == dict.fromkeys(FILES, source)
    return bool(calls)


def test_files_are_left_alone_while_nothing_changes(folder: Path) -> None:
    assert not is_made(MadeFiles(folder, CONTENTS, SOURCES), folder)


def test_files_of_unknown_origin_are_made(folder: Path) -> None:
    assert is_made(MadeFiles(folder), folder)
    assert is_made(MadeFiles(folder, CONTENTS), folder)


def test_another_source_makes_files_again(folder: Path) -> None:
    assert is_made(MadeFiles(folder, CONTENTS, SOURCES), folder, "other numbers")


@pytest.mark.parametrize("name", FILES)
def test_an_altered_or_missing_file_is_made_again(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"altered")
    assert is_made(MadeFiles(folder, CONTENTS, SOURCES), folder)
    (folder / name).unlink()
    assert is_made(MadeFiles(folder, CONTENTS, SOURCES), folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)  # a pipe is not waited for
    assert is_made(MadeFiles(folder, CONTENTS, SOURCES), folder)


def test_a_folder_in_the_place_of_a_file_is_an_error(folder: Path) -> None:
    (folder / "figure.png").unlink()
    (folder / "figure.png").mkdir()
    with pytest.raises(ResultsError, match=r"figure\.png cannot be: Is a directory"):
        is_made(MadeFiles(folder, CONTENTS, SOURCES), folder)
