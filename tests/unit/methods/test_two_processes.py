"""The training of each method by two processes that exchange by gloo, against that by one."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ftlab.ranks.exchange import ALONE
from ftlab.ranks.launch import train_in_ranks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_one_thread")]

CPU = torch.device("cpu")
# In float64, which leaves room for the order of sums alone.
TOLERANCE = 1e-9

MOCO = {"queue_size": 20}
SWAV = {"name": "swav", "num_prototypes": 6, "head_width": 8}
SIMSIAM = {"name": "simsiam", "head_width": 8, "predictor_width": 4}
SMALL = {"feature_dim": 8, "bn_groups": 2, "width": 2, "depth": 2}
# From the second of two epochs on.
POSITIVES = {"positives": "extrapolate", "granularity": "element", "start": 0.5}
BOTH = {**POSITIVES, "negatives": "interpolate"}
HARDEST = {"negatives": "mochi", "hard_negatives": 6, "hard_mixtures": 4, "query_mixtures": 2}

CASES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "MoCo": {"method": MOCO, "transform": BOTH},
    "MoCo, symmetric": {"method": {**MOCO, "symmetric": True}, "transform": BOTH},
    "MoCo, groups of FT": {"method": MOCO, "transform": {**BOTH, "groups": 2}},
    "InfoMin": {
        "method": {**MOCO, "name": "infomin", "jigsaw_weight": 0.5},
        "views": {"size": 96},
        "model": SMALL,
        "transform": BOTH,
    },
    "SimCLR": {"method": {"name": "simclr"}, "transform": BOTH},
    "SimCLR, groups of FT": {
        "method": {"name": "simclr", "partner": "key_constant"},
        "transform": {**BOTH, "groups": 2},
    },
    "SwAV": {"method": SWAV, "transform": BOTH},
    "SwAV, with a queue": {"method": {**SWAV, "queue_size": 22, "queue_start_epoch": 0}},
    "SwAV, small crops": {
        "method": SWAV,
        "views": {"small_crops": 3, "small_size": 4, "crop_scale": [0.14, 1.0]},
        "transform": BOTH,
    },
    "SimSiam": {"method": SIMSIAM, "transform": POSITIVES},
    "MoCHi": {"method": MOCO, "transform": {**POSITIVES, **HARDEST}},
    "Un-Mix": {"method": MOCO, "transform": BOTH, "mixing": {"name": "unmix"}},
    "i-Mix": {"method": MOCO, "mixing": {"name": "imix"}},
    "Manifold Mixup": {"method": MOCO, "mixing": {"name": "imix", "layers": "random"}},
    "keys of the batch": {"method": MOCO, "mixing": {"name": "in_batch_keys"}},
}

States = Mapping[str, Mapping[str, Tensor]]


@pytest.fixture(scope="module")
def trainings() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("trained_in_ranks")


@pytest.fixture(scope="module")
def shared(trainings: ModuleType) -> States:
    """States of the trainings of two processes, which are started once."""
    train = trainings.Trainings(tuple(CASES.values()))
    return dict(zip(CASES, train_in_ranks(train, 2, CPU), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_what_one_trains(name: str, shared: States, trainings: ModuleType) -> None:
    (alone,) = trainings.Trainings((CASES[name],))(ALONE, CPU)
    assert alone.keys() == shared[name].keys()
    for parameter, value in alone.items():
        torch.testing.assert_close(shared[name][parameter], value, rtol=0, atol=TOLERANCE, msg=parameter)
