from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ftlab.storage.folder import Folder
from ftlab.storage.location import open_folder

LOCATIONS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "local": lambda request: str(request.getfixturevalue("tmp_path") / "lab"),
    "s3": lambda request: request.getfixturevalue("object_store").make_location(),
    "fsspec": lambda _: f"memory://{uuid4().hex}/lab",
}


@pytest.fixture(params=list(LOCATIONS))
def folder(request: pytest.FixtureRequest) -> Folder:
    """An empty folder of every kind there is."""
    return open_folder(LOCATIONS[request.param](request), "things")


@pytest.fixture
def local(tmp_path: Path) -> Folder:
    return open_folder(str(tmp_path / "lab"), "things")


@pytest.fixture
def s3(object_store: Any) -> Folder:
    return open_folder(object_store.make_location(), "things")
