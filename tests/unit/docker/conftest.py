from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def docker_folder() -> Path:
    return ROOT / "docker"


@pytest.fixture(scope="session")
def compose(docker_folder: Path) -> dict[str, Any]:
    return yaml.safe_load((docker_folder / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return compose["services"]
