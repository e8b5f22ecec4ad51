from pathlib import Path

import pytest

from ftlab.errors import TrackingError
from ftlab.search.storage import answering, open_storage, readable_uri, storage_uri


def test_searches_are_kept_in_the_home_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    assert storage_uri(tmp_path) == f"sqlite:///{tmp_path}/optuna.db"
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://db/optuna")
    assert storage_uri(tmp_path) == "postgresql://db/optuna"


def test_a_sqlite_file_is_created_with_its_folder(tmp_path: Path) -> None:
    open_storage(f"sqlite:///{tmp_path}/new/optuna.db").engine.dispose()
    assert (tmp_path / "new" / "optuna.db").is_file()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mysql+nothing://me:secret@127.0.0.1/optuna", "mysql+nothing://***@127.0.0.1/optuna"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(uri: str, shown: str) -> None:
    with pytest.raises(TrackingError) as refused:
        open_storage(uri)
    assert f"the database of searches must answer, but {shown} did not" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "secret" not in readable_uri("not an address:secret@host")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "optuna.db").write_text("not a database, but a text that is long enough to be looked at")
    with pytest.raises(TrackingError, match=r"optuna.db did not. .* Cause: .*file is not a database"):
        open_storage(f"sqlite:///{tmp_path}/optuna.db")


def test_a_database_that_stops_answering_is_named(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/optuna.db")
    (tmp_path / "optuna.db").write_text("damaged, in a way that a database cannot be read from any more")
    storage.engine.dispose()
    with pytest.raises(TrackingError, match="the database of searches must answer"), answering(storage):
        storage.get_all_studies()
    storage.engine.dispose()
