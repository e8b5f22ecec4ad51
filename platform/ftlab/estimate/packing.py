"""The number of trials that run side by side, from the measured memory of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ftlab.errors import ConfigError

# For fragmentation, and for what a few steps do not show: an allocation once an epoch, two peaks at the same time.
SAFETY_FACTOR = 1.2
# Memory of Ray's worker beside the trial, which a calibration run does not have.
WORKER_BYTES = 250 * 1024**2
# Ray counts shares of a GPU in ten thousandths.
SHARES = 10_000

BATCH = ("train.batch_size",)


@dataclass(frozen=True)
class Packing:
    """Trials side by side on one kind of device.

    Attributes:
        trials_per_device: Trials at a time on each GPU, or on the machine.
        slots: Trials at a time on all devices.
        gpus_per_trial: Share of a GPU of a trial; 0 without.
        trial_bytes: Memory set aside for a trial, its safety margin included; 0 if nothing was measured.
        limit: The limit of their number: memory, cores, a number that was set, or the shares of the profile.
    """

    trials_per_device: int
    slots: int
    gpus_per_trial: float
    trial_bytes: int
    limit: Literal["memory", "cores", "setting", "profile"]


def pack_gpus(
    peak_bytes: int, free_bytes: int, *, num_gpus: int, cores: int, cpus_per_trial: int, sizes: Sequence[str] = BATCH
) -> Packing:
    """Return how many trials share each of ``num_gpus`` equal GPUs.

    Threads are not shared: each trial keeps its ``cpus_per_trial``, because their number decides the last bits.

    Args:
        peak_bytes: Measured peak of a trial on its GPU, its context included.
        free_bytes: Free memory of a GPU.
        num_gpus: GPUs to use.
        cores: CPU cores to use.
        cpus_per_trial: CPU cores of a trial.
        sizes: Settings that decide the memory of a trial, for the message.

    Raises:
        ConfigError: One trial alone does not fit a GPU or the cores.
    """
    _check_cores(cpus_per_trial, cores)
    by_memory = _by_memory(round(peak_bytes * SAFETY_FACTOR), free_bytes, "a GPU", sizes)
    by_cores = max(1, cores // cpus_per_trial // num_gpus)
    number = min(by_memory, by_cores)
    return Packing(
        trials_per_device=number,
        slots=min(number * num_gpus, cores // cpus_per_trial),
        gpus_per_trial=gpu_share(number),
        trial_bytes=round(peak_bytes * SAFETY_FACTOR),
        limit="memory" if by_memory <= by_cores else "cores",
    )


def pack_machine(
    peak_bytes: int, available_bytes: int, *, cores: int, cpus_per_trial: int, sizes: Sequence[str] = BATCH
) -> Packing:
    """Return how many trials run at a time on a machine without a GPU.

    Args:
        peak_bytes: Measured peak of a trial's process.
        available_bytes: Memory that new processes may take.
        cores: CPU cores to use.
        cpus_per_trial: CPU cores of a trial.
        sizes: Settings that decide the memory of a trial, for the message.

    Raises:
        ConfigError: One trial alone does not fit the memory or the cores.
    """
    _check_cores(cpus_per_trial, cores)
    trial_bytes = round(peak_bytes * SAFETY_FACTOR) + WORKER_BYTES
    by_memory = _by_memory(trial_bytes, available_bytes, "the machine", sizes)
    by_cores = cores // cpus_per_trial
    number = min(by_memory, by_cores)
    return Packing(
        trials_per_device=number,
        slots=number,
        gpus_per_trial=0.0,
        trial_bytes=trial_bytes,
        limit="memory" if by_memory < by_cores else "cores",
    )


def pack_as_set(trials_per_device: int, *, num_gpus: int, cores: int, cpus_per_trial: int) -> Packing:
    """Return the packing that a user set, without measurement.

    Args:
        trials_per_device: Trials at a time on each GPU, or on the machine without one.
        num_gpus: GPUs to use; 0 trains on CPU cores.
        cores: CPU cores to use.
        cpus_per_trial: CPU cores of a trial.

    Raises:
        ConfigError: There are too few cores for so many trials.
    """
    _check_cores(cpus_per_trial, cores)
    most = max(1, cores // cpus_per_trial // max(1, num_gpus))
    if trials_per_device > most:
        raise ConfigError(
            f"trials side by side must have resources.cpus_per_trial={cpus_per_trial} cores each, but got "
            f"resources.trials_per_device={trials_per_device} on {cores} cores; nearest valid: {most}."
        )
    return Packing(
        trials_per_device=trials_per_device,
        slots=min(trials_per_device * max(1, num_gpus), cores // cpus_per_trial),
        gpus_per_trial=gpu_share(trials_per_device) if num_gpus else 0.0,
        trial_bytes=0,
        limit="setting",
    )


def pack_as_profiled(gpus_per_trial: float, *, num_gpus: int, cores: int, cpus_per_trial: int) -> Packing:
    """Return the packing that follows from a profile's shares, without measurement.

    Args:
        gpus_per_trial: Share of a GPU of a trial, or a number of GPUs; 0 trains on CPU cores.
        num_gpus: GPUs to use.
        cores: CPU cores to use.
        cpus_per_trial: CPU cores of a trial.

    Raises:
        ConfigError: One trial needs more than the machine has.
    """
    _check_cores(cpus_per_trial, cores)
    by_cores = cores // cpus_per_trial
    if not gpus_per_trial:
        return Packing(by_cores, by_cores, 0.0, 0, "profile")
    if gpus_per_trial > num_gpus:
        raise ConfigError(
            f"resources.gpus_per_trial must be at most the GPUs to use, but got {gpus_per_trial:g} of {num_gpus}; "
            "GPUS=0 trains on CPU cores."
        )
    per_gpu = max(1, int(1 / gpus_per_trial))
    slots = per_gpu * num_gpus if gpus_per_trial <= 1 else int(num_gpus / gpus_per_trial)
    return Packing(per_gpu, min(slots, by_cores), gpus_per_trial, 0, "profile")


def gpu_share(trials_per_gpu: int) -> float:
    """Return the largest share of a GPU with which so many trials fit on it, in the steps that Ray counts in.

    >>> [gpu_share(number) for number in (1, 2, 3)]
    [1.0, 0.5, 0.3333]
    """
    return SHARES // trials_per_gpu / SHARES


def _by_memory(trial_bytes: int, there: int, place: str, sizes: Sequence[str]) -> int:
    if trial_bytes > there:
        raise ConfigError(
            f"a trial must fit {place}, but takes {_gib(trial_bytes)} with its margin of safety and "
            f"{_gib(there)} are free; free memory, or choose a smaller {' or '.join(sizes)}, or set "
            "resources.trials_per_device=1 to try all the same."
        )
    return there // trial_bytes


def _check_cores(cpus_per_trial: int, cores: int) -> None:
    if cpus_per_trial > cores:
        raise ConfigError(
            f"resources.cpus_per_trial must be at most the cores to use, but got {cpus_per_trial} of {cores}; "
            f"nearest valid: {cores}."
        )


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
