"""A trial that does not fit is answered with settings that its method has, the batch first."""

from typing import Any

import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.estimate.slots import pack_study
from ftlab.study.spec import Trial


def make_trial(**method: Any) -> Trial:
    config = TrialConfig.model_validate({"method": method, "train": {"batch_size": 64}})
    return Trial(f"{method}", "cell", "cell", config, "0" * 32)


MOCO, SIMCLR = make_trial(name="moco"), make_trial(name="simclr")
SWAV = make_trial(name="swav", num_prototypes=100, queue_size=0)


@pytest.mark.parametrize(
    ("trials", "settings"),
    [
        ([MOCO], "train.batch_size or method.queue_size"),
        ([SIMCLR], "train.batch_size"),
        ([SIMCLR, MOCO], "train.batch_size or method.queue_size"),
        ([SWAV], "train.batch_size or method.num_prototypes or method.head_width"),
        ([make_trial(name="infomin")], "train.batch_size or method.queue_size"),
    ],
)
def test_the_hint_names_settings_of_the_method(trials: list[Trial], settings: str, home: Home) -> None:
    resources = ResourcesConfig(trials_per_device="auto")
    with pytest.raises(ConfigError, match=rf"free memory, or choose a smaller {settings}, or set resources\."):
        pack_study(trials, home=home, resources=resources, cores=4, num_gpus=0, measure_peak=lambda *_, **__: 10**15)
