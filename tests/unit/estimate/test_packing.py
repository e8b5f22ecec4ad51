import pytest

from ftlab.errors import ConfigError
from ftlab.estimate.packing import (
    SAFETY_FACTOR,
    WORKER_BYTES,
    gpu_share,
    pack_as_profiled,
    pack_as_set,
    pack_gpus,
    pack_machine,
)

GIB = 1024**3


@pytest.mark.parametrize(
    ("peak", "free", "gpus", "cores", "threads", "number", "slots", "limit"),
    [
        (10, 79, 1, 64, 2, 6, 6, "memory"),
        (10, 72, 1, 64, 2, 6, 6, "memory"),
        (10, 71, 1, 64, 2, 5, 5, "memory"),
        (10, 72, 4, 64, 2, 6, 24, "memory"),
        (10, 139, 1, 16, 8, 2, 2, "cores"),
        (10, 139, 4, 16, 8, 1, 2, "cores"),
        (60, 79, 1, 64, 1, 1, 1, "memory"),
    ],
)
def test_as_many_trials_share_a_gpu_as_fit(
    peak: int, free: int, gpus: int, cores: int, threads: int, number: int, slots: int, limit: str
) -> None:
    found = pack_gpus(peak * GIB, free * GIB, num_gpus=gpus, cores=cores, cpus_per_trial=threads)
    assert (found.trials_per_device, found.slots, found.limit) == (number, slots, limit)
    assert found.gpus_per_trial == gpu_share(number)
    assert found.trial_bytes == peak * GIB * SAFETY_FACTOR
    assert number * found.trial_bytes <= free * GIB


@pytest.mark.parametrize(
    ("available", "cores", "threads", "number", "limit"),
    [(64, 4, 1, 4, "cores"), (64, 5, 2, 2, "cores"), (6, 64, 1, 4, "memory"), (2, 64, 1, 1, "memory")],
)
def test_as_many_trials_share_a_machine_as_fit(
    available: int, cores: int, threads: int, number: int, limit: str
) -> None:
    found = pack_machine(GIB, available * GIB, cores=cores, cpus_per_trial=threads)
    assert (found.trials_per_device, found.slots, found.limit) == (number, number, limit)
    assert found.gpus_per_trial == 0.0
    assert found.trial_bytes == round(GIB * SAFETY_FACTOR) + WORKER_BYTES


def test_a_trial_that_does_not_fit_alone_is_refused_before_any_compute() -> None:
    with pytest.raises(ConfigError, match=r"must fit a GPU, but takes 96\.0 GiB .* and 79\.0 GiB are free"):
        pack_gpus(80 * GIB, 79 * GIB, num_gpus=1, cores=8, cpus_per_trial=1)
    with pytest.raises(ConfigError, match=r"must fit the machine, but takes 9\.8 GiB .* and 4\.0 GiB are free"):
        pack_machine(8 * GIB, 4 * GIB, cores=8, cpus_per_trial=1)


def test_too_few_cores_are_refused() -> None:
    message = r"cpus_per_trial must be at most the cores to use, but got 8 of 4; nearest valid: 4"
    with pytest.raises(ConfigError, match=message):
        pack_gpus(GIB, 79 * GIB, num_gpus=1, cores=4, cpus_per_trial=8)
    with pytest.raises(ConfigError, match=message):
        pack_machine(GIB, 79 * GIB, cores=4, cpus_per_trial=8)
    with pytest.raises(ConfigError, match=message):
        pack_as_profiled(0.0, num_gpus=0, cores=4, cpus_per_trial=8)


@pytest.mark.parametrize(
    ("number", "gpus", "slots", "share"), [(1, 0, 1, 0.0), (4, 0, 4, 0.0), (3, 1, 3, 0.3333), (2, 2, 4, 0.5)]
)
def test_a_number_that_was_set_is_taken(number: int, gpus: int, slots: int, share: float) -> None:
    found = pack_as_set(number, num_gpus=gpus, cores=4, cpus_per_trial=1)
    assert (found.trials_per_device, found.slots, found.gpus_per_trial) == (number, slots, share)
    assert (found.trial_bytes, found.limit) == (0, "setting")


def test_a_number_that_needs_more_cores_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"=2 cores each, but got .*=5 on 8 cores; nearest valid: 4"):
        pack_as_set(5, num_gpus=0, cores=8, cpus_per_trial=2)


@pytest.mark.parametrize(
    ("share", "gpus", "cores", "number", "slots"),
    [
        (0.0, 0, 5, 2, 2),
        (0.25, 1, 64, 4, 4),
        (0.25, 2, 6, 4, 3),
        (0.3, 2, 64, 3, 6),
        (1.0, 2, 64, 1, 2),
        (2.0, 4, 64, 1, 2),
    ],
)
def test_a_profiles_shares_are_kept(share: float, gpus: int, cores: int, number: int, slots: int) -> None:
    found = pack_as_profiled(share, num_gpus=gpus, cores=cores, cpus_per_trial=2)
    assert (found.trials_per_device, found.slots, found.gpus_per_trial) == (number, slots, share)
    assert (found.trial_bytes, found.limit) == (0, "profile")


def test_a_profile_that_needs_more_gpus_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must be at most the GPUs to use, but got 2 of 1"):
        pack_as_profiled(2.0, num_gpus=1, cores=8, cpus_per_trial=1)


@pytest.mark.parametrize("number", range(1, 100))
def test_as_many_shares_as_asked_fit_on_a_gpu(number: int) -> None:
    units = round(gpu_share(number) * 10_000)
    assert number * units <= 10_000 < (number + 1) * (units + 1)
