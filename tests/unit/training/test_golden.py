from collections.abc import Callable

import pytest

from ftlab.study.identity import NUMERICS_VERSION
from ftlab.training.trainer import Trainer

VERSION = 3
LOSSES = (6.244649, 4.622490, 3.997271)
POSITIVE_MEANS = (0.838532, 0.937176, 0.962108)
CHANGED = "numerics changed: raise NUMERICS_VERSION in study/identity.py and say so in CHANGELOG.md"


def test_a_seeded_loss_curve_changes_only_with_the_version(build_trainer: Callable[..., Trainer]) -> None:
    trainer = build_trainer(
        seed=5,
        method={"queue_size": 40, "key_momentum": 0.99},
        transform={"positives": "extrapolate", "negatives": "interpolate"},
        train={"epochs": 3},
    )
    results = list(trainer.epochs())
    for name, values in (("pretrain/loss", LOSSES), ("scores/positive_mean", POSITIVE_MEANS)):
        assert [result.metrics[name] for result in results] == pytest.approx(values, abs=1e-5, rel=0), CHANGED
    assert NUMERICS_VERSION == VERSION, "this test holds the numbers of another version: record them anew"
