from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

WriteExperiment = Callable[..., None]


@pytest.fixture(scope="session")
def tiny_profile() -> dict[str, Any]:
    """Two epochs of the embedded digits with a small encoder: a trial in half a second."""
    return {
        "description": "One core, seconds",
        "metric": "probe/few_shot_top1",
        "protocol": "digits, tiny",
        "trial": {
            "model": {"feature_dim": 16},
            "method": {"key_momentum": 0.9, "queue_size": 128},
            "train": {"epochs": 2},
            "probe": {"every": 1, "few_shot_draws": 2, "linear_epochs": 1, "linear_learning_rates": [1.0]},
        },
        "resources": {"device": "cpu", "checkpoint_seconds": 0.0},
    }


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what a developer has set, and what a developer has trained, out of the tests."""
    for name in ("FTLAB_EXPERIMENTS", "MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FTLAB_HOME", str(tmp_path / "home"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """FTLAB_HOME of the test."""
    return tmp_path / "home"


@pytest.fixture
def write_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_profile: dict[str, Any]) -> WriteExperiment:
    """Write an experiment file, `write_experiment("name", grid={...})`, beside a profile called tiny."""
    folder = tmp_path / "experiments"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(tiny_profile))
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(folder))

    def write(name: str, *, folder: Path = folder, **content: Mapping[str, Any] | object) -> None:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"question": "Does it work?", "seeds": 2, **content}))

    return write
