from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.estimate.packing import Packing
from ftlab.estimate.slots import pack_study, packed
from ftlab.machine.hardware import Hardware, find_hardware
from ftlab.machine.memory import find_gpus
from ftlab.study.spec import Trial

TRIALS = [Trial("a", "cell", "cell", TrialConfig(), "d" * 32)]

Pack = Callable[..., Packing]


@pytest.fixture
def pack(home: Home) -> Pack:
    """Pack trials that take ``peak`` bytes on four cores: `pack(1000, num_gpus=1, trials_per_device="auto")`."""

    def pack(peak: int | None = None, *, num_gpus: int = 0, **resources: object) -> Packing:
        def measure_peak(trials: list[Trial], *, hardware: Hardware, **surroundings: object) -> int:
            assert trials == TRIALS
            assert hardware.together == 1
            assert peak is not None, "measured without need"
            return peak

        return pack_study(
            TRIALS,
            home=home,
            resources=ResourcesConfig.model_validate(resources),
            cores=4,
            num_gpus=num_gpus,
            measure_peak=measure_peak,
        )

    return pack


def test_without_a_setting_the_profile_decides(pack: Pack) -> None:
    assert pack(cpus_per_trial=2).slots == 2
    assert pack(num_gpus=1, gpus_per_trial=0.5).slots == 2
    assert pack(num_gpus=1, gpus_per_trial=0.5).limit == "profile"


def test_a_number_is_taken_unmeasured(pack: Pack) -> None:
    assert pack(trials_per_device=3).slots == 3
    assert pack(num_gpus=1, gpus_per_trial=1.0, trials_per_device=3).gpus_per_trial == 0.3333


def test_auto_measures_a_trial(pack: Pack) -> None:
    assert pack(1000, trials_per_device="auto").limit == "cores"
    assert pack(1000, trials_per_device="auto").slots == 4
    with pytest.raises(ConfigError, match="must fit the machine"):
        pack(10**15, trials_per_device="auto")


def test_auto_fills_the_gpu_with_the_least_room(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA H200, 140000, 100'\necho 'NVIDIA H200, 140000, 250'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    find_gpus.cache_clear()
    resources = {"gpus_per_trial": 1.0, "trials_per_device": "auto"}
    try:
        assert [gpu.free_bytes // 1024**2 for gpu in find_gpus()] == [100, 250]
        found = pack(40 * 1024**2, num_gpus=2, **resources)
        assert (found.trials_per_device, found.slots, found.limit) == (2, 4, "memory")
        assert find_hardware(ResourcesConfig(gpus_per_trial=0.5), together=2).device == "NVIDIA H200"
        with pytest.raises(ConfigError, match="must fit a GPU"):
            pack(90 * 1024**2, num_gpus=1, **resources)
    finally:
        find_gpus.cache_clear()


def test_auto_without_what_tells_the_memory_of_a_gpu_is_refused(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    find_gpus.cache_clear()
    with pytest.raises(ConfigError, match="nvidia-smi does not tell"):
        pack(1000, num_gpus=1, gpus_per_trial=1.0, trials_per_device="auto")
    find_gpus.cache_clear()


def test_gpus_that_a_trial_has_no_share_of_do_not_count(pack: Pack) -> None:
    assert pack(num_gpus=8, trials_per_device=2).slots == 2
    assert pack(num_gpus=8, device="cpu", gpus_per_trial=0.5).gpus_per_trial == 0.0


def test_a_share_of_no_gpu_is_refused(pack: Pack) -> None:
    for setting in (None, 2, "auto"):
        with pytest.raises(ConfigError, match=r"gpus_per_trial=0\.5 needs a GPU, but there is none"):
            pack(1000, gpus_per_trial=0.5, trials_per_device=setting)


@pytest.mark.parametrize("value", [0, -1, "all", 1.5])
def test_other_numbers_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="trials_per_device"):
        ResourcesConfig.model_validate({"trials_per_device": value})


def test_a_packing_changes_the_share_and_no_thread() -> None:
    resources = ResourcesConfig(cpus_per_trial=2, gpus_per_trial=1.0, checkpoint_seconds=7.0)
    found = packed(resources, Packing(4, 4, 0.25, 1000, "memory"))
    assert found == ResourcesConfig(cpus_per_trial=2, gpus_per_trial=0.25, checkpoint_seconds=7.0)
