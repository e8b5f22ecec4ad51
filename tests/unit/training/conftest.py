from collections.abc import Callable
from typing import Any

import pytest
import torch

from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.testing.method_contract import make_images
from ftlab.training.trainer import Trainer

# The number of threads decides the last bits of a result.
torch.set_num_threads(1)

BuildTrainer = Callable[..., Trainer]


@pytest.fixture(scope="session")
def dataset() -> ImageDataset:
    """44 training and 16 test images of 8x8 noise, brighter from class to class."""
    return make_images()


@pytest.fixture
def build_trainer(dataset: ImageDataset) -> BuildTrainer:
    """Build the trainer of a tiny trial: `build_trainer(transform={"positives": "extrapolate"}, seed=1)`."""

    def build(*, seed: int = 0, ranks: Ranks = ALONE, **changes: dict[str, Any]) -> Trainer:
        sections: dict[str, dict[str, Any]] = {
            "model": {"feature_dim": 8, "bn_groups": 2},
            "method": {"queue_size": 20, "key_momentum": 0.9},
            "train": {"epochs": 4, "batch_size": 8},
            "probe": {
                "every": 1,
                "knn_k": 3,
                "few_shot_labels": 2,
                "few_shot_draws": 2,
                "linear_epochs": 1,
                "linear_batch_size": 16,
            },
        }
        for name, values in changes.items():
            sections[name] = {**sections.get(name, {}), **values}
        return make_trainer(TrialConfig(seed=seed, **sections), dataset, torch.device("cpu"), ranks)

    return build
