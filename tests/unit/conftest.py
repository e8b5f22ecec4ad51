import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from ftlab.tracking.tracking_uri import default_tracking_uri


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A new SQLite store and what its first start printed; its migration takes seconds, so tests work on copies."""
    from ftlab.tracking.mlflow_tracker import MlflowTracker

    home = tmp_path_factory.mktemp("migrated")
    with redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        MlflowTracker(default_tracking_uri(home))
    return home / "mlflow.db", printed.getvalue()


@pytest.fixture
def store_uri(first_start: tuple[Path, str], tmp_path: Path) -> str:
    database, _ = first_start
    shutil.copy(database, tmp_path)
    return default_tracking_uri(tmp_path)


@pytest.fixture
def target_uri(first_start: tuple[Path, str], tmp_path: Path) -> str:
    """Another empty store, in a folder of its own."""
    database, _ = first_start
    (tmp_path / "target").mkdir()
    shutil.copy(database, tmp_path / "target")
    return default_tracking_uri(tmp_path / "target")
