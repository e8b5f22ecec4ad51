import pickle
from pathlib import Path

import pytest

from ftlab.config.home import Home, ftlab_home
from ftlab.storage.local import LocalFolder

URI = "s3://key:secret@bucket/lab?region=us-east-1"


def test_everything_lies_below_a_local_home(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    assert home.local == home.node == tmp_path
    assert home / "trials" == tmp_path / "trials"
    assert home.shared("checkpoints") == LocalFolder(tmp_path / "checkpoints")


def test_a_node_may_keep_what_it_makes_for_itself_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "scratch"))
    home = Home(str(tmp_path))
    assert home.node == tmp_path / "scratch"
    assert home / "trials" == tmp_path / "trials"
    assert home.shared("plans") == LocalFolder(tmp_path / "plans")


def test_of_a_uri_only_what_is_shared_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = Home(URI)
    assert home.local == home.node == tmp_path / ".cache" / "ftlab"
    assert str(home.shared("checkpoints")) == "s3://bucket/lab/checkpoints"
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "scratch"))
    assert home / "trials" == tmp_path / "scratch" / "trials"


def test_a_worker_asks_its_own_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "of the driver"))
    sent = pickle.dumps(Home(URI))
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "of the worker"))
    assert pickle.loads(sent).node == tmp_path / "of the worker"  # noqa: S301 - made here


def test_a_home_does_not_show_its_credentials() -> None:
    assert "secret" not in repr(Home(URI))


def test_the_home_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTLAB_HOME", "somewhere")
    assert ftlab_home() == Home(str(tmp_path / "somewhere"))
    monkeypatch.setenv("FTLAB_HOME", f"file://{tmp_path}/lab")
    assert ftlab_home().local == tmp_path / "lab"
    monkeypatch.delenv("FTLAB_HOME")
    assert ftlab_home().local == tmp_path / ".ftlab"
