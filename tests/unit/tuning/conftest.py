from collections.abc import Callable
from typing import Any

import pytest

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.tuning.spec import StudySpec, resolve_study

MakeStudy = Callable[..., StudySpec]


@pytest.fixture
def profile(tiny_profile: dict[str, Any]) -> ProfileConfig:
    return ProfileConfig.model_validate(tiny_profile)


@pytest.fixture
def make_study(profile: ProfileConfig) -> MakeStudy:
    """Resolve an experiment from its fields: `make_study(grid={...}, seeds=1)`; `overrides` are the user's."""

    def make(*, overrides: dict[str, Any] | None = None, seeds: int = 1, **fields: Any) -> StudySpec:
        experiment = ExperimentConfig.model_validate({"question": "?", "seeds": seeds, **fields})
        return resolve_study("exp", experiment, "tiny", profile, None, overrides)

    return make
