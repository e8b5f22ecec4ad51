import subprocess
import sys
from pathlib import Path

import pytest

from ftlab.errors import ConfigError
from ftlab.storage.local import LocalFolder
from ftlab.storage.location import normalise, open_folder


def test_a_path_needs_no_pyarrow(tmp_path: Path) -> None:
    script = """
import sys
sys.modules.update(pyarrow=None, fsspec=None)  # importing one of them now fails
from ftlab.storage.location import open_folder
folder = open_folder(sys.argv[1], "things")
folder.write("a", b"content")
print(folder.names())
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "['a']\n"


def test_a_file_uri_is_a_path(tmp_path: Path) -> None:
    folder = open_folder(normalise(f"file://{tmp_path}"), "things")
    assert folder == LocalFolder(tmp_path / "things")


def test_a_relative_path_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert normalise("lab") == str(tmp_path / "lab")
    monkeypatch.setenv("HOME", "/users/me")
    assert normalise("~/lab") == "/users/me/lab"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("nope://key:secret@bucket/lab", "Protocol not known: nope"),
        ("s3://", "must name a bucket"),
        ("s3://key:secret@bucket/lab?colour=red", "Unexpected query parameter"),
    ],
)
def test_a_uri_that_cannot_be_opened(uri: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        open_folder(uri, "things")
    assert "secret" not in str(caught.value)


def test_the_name_of_a_folder_holds_no_credentials() -> None:
    folder = open_folder("s3://key:secret@bucket/lab/?region=us-east-1", "things")
    assert str(folder) == "s3://bucket/lab/things"
