from collections.abc import Callable
from typing import Any

import pytest

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.tuning.spec import StudySpec, resolve_study

MakeStudy = Callable[..., StudySpec]


@pytest.fixture
def profile() -> ProfileConfig:
    """Two epochs of the embedded digits with a small encoder: a trial in half a second."""
    return ProfileConfig(
        description="One core, seconds",
        metric="probe/few_shot_top1",
        protocol="digits, tiny",
        trial={
            "model": {"feature_dim": 16},
            "method": {"key_momentum": 0.9, "queue_size": 128},
            "train": {"epochs": 2},
            "probe": {"every": 1, "few_shot_draws": 2, "linear_epochs": 1, "linear_learning_rates": [1.0]},
        },
    )


@pytest.fixture
def make_study(profile: ProfileConfig) -> MakeStudy:
    """Resolve an experiment from its fields: `make_study(grid={...}, seeds=1)`; `overrides` are the user's."""

    def make(*, overrides: dict[str, Any] | None = None, seeds: int = 1, **fields: Any) -> StudySpec:
        experiment = ExperimentConfig.model_validate({"question": "?", "seeds": seeds, **fields})
        return resolve_study("exp", experiment, "tiny", profile, None, overrides)

    return make
