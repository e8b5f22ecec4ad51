"""The contract of methods, passed by SwAV with small crops."""

from collections.abc import Mapping
from typing import Any

import pytest

from ftlab.testing.method_contract import MethodContract

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_one_thread")]


class TestSwAVWithSmallCrops(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {
        "method": {"name": "swav", "num_prototypes": 6, "head_width": 8},
        "views": {"small_crops": 3, "small_size": 4, "crop_scale": [0.14, 1.0]},
    }
    transform: Mapping[str, Any] = {"positives": "extrapolate"}


class TestSwAVWithSmallCropsAQueueAndMixedPrototypes(TestSwAVWithSmallCrops):
    settings: Mapping[str, Mapping[str, Any]] = {
        **TestSwAVWithSmallCrops.settings,
        "method": {**TestSwAVWithSmallCrops.settings["method"], "queue_size": 21, "queue_start_epoch": 0},
        "transform": {"positives": "extrapolate", "negatives": "interpolate", "granularity": "element"},
    }
    transform: Mapping[str, Any] | None = None
