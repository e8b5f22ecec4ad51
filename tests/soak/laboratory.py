"""The studies of a soak: one that never ends, and one that grows by a seed a sweep."""

from pathlib import Path

import yaml

PROFILE = {
    "description": "One core, seconds a trial",
    "metric": "probe/few_shot_top1",
    "protocol": "digits, tiny",
    "trial": {
        "model": {"feature_dim": 16},
        "method": {"key_momentum": 0.9, "queue_size": 128},
        "train": {"epochs": 20},
        "probe": {"every": 10, "few_shot_draws": 2, "linear_epochs": 1, "linear_learning_rates": [1.0]},
    },
    "resources": {"device": "cpu", "checkpoint_seconds": 1.0},
}
STEADY, GROWING = "steady", "growing"
GROWING_CELLS = 2
EXPERIMENTS: dict[str, dict[str, object]] = {
    STEADY: {"cells": [{"name": "steady"}], "overrides": {"method.queue_size": 256}},
    GROWING: {"grid": {"method.key_momentum": [0.9, 0.5]}},
}


def write_experiments(folder: Path) -> None:
    """Write the experiments and their profile, called tiny, to a new folder."""
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(PROFILE))
    for name, content in EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"question": "Does it last?", "seeds": 1, **content}))
