"""The number of a study's trials that run at a time on this machine: as set, as profiled, or as many as fit."""

from collections.abc import Callable, Sequence

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.setting import Trait
from ftlab.config.trial import settings_with
from ftlab.errors import ConfigError
from ftlab.estimate.known_costs import peak_bytes
from ftlab.estimate.packing import BATCH, Packing, pack_as_profiled, pack_as_set, pack_gpus, pack_machine
from ftlab.machine.hardware import device_setting, find_hardware
from ftlab.machine.memory import available_memory, find_gpus
from ftlab.study.spec import Trial

MeasurePeak = Callable[..., int]


def pack_study(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    cores: int,
    num_gpus: int,
    measure_peak: MeasurePeak = peak_bytes,
) -> Packing:
    """Return the packing of a study's trials on this machine; ``auto`` makes a calibration run, once.

    Args:
        trials: The trials to train, at least one. The images should be in the cache.
        home: Folder of everything ftlab keeps.
        resources: Resources of a trial, and ``trials_per_device``.
        cores: CPU cores to use.
        num_gpus: GPUs to use.
        measure_peak: Calibrates the memory of a trial, see `ftlab.estimate.known_costs.peak_bytes`.

    Raises:
        ConfigError: One trial alone does not fit, or the number that was set does not.
        FtlabError: The calibration run failed.
    """
    per_trial = resources.cpus_per_trial
    share = 0.0 if device_setting(resources) == "cpu" else resources.gpus_per_trial
    if share and not num_gpus:
        raise ConfigError(
            f"a trial with gpus_per_trial={share:g} needs a GPU, but there is none; GPUS=0 trains on cores."
        )
    num_gpus = num_gpus if share else 0
    if resources.trials_per_device is None:
        return pack_as_profiled(share, num_gpus=num_gpus, cores=cores, cpus_per_trial=per_trial)
    if resources.trials_per_device != "auto":
        number = resources.trials_per_device
        return pack_as_set(number, num_gpus=num_gpus, cores=cores, cpus_per_trial=per_trial)
    peak = measure_peak(trials, home=home, resources=resources, hardware=find_hardware(resources, together=1))
    sizes = _sizes(trials)
    if not num_gpus:
        return pack_machine(peak, available_memory(), cores=cores, cpus_per_trial=per_trial, sizes=sizes)
    gpus = find_gpus()[:num_gpus]
    if not gpus:
        raise ConfigError(
            "free memory must be known to pack trials, but nvidia-smi does not tell that of the GPUs; "
            "set resources.trials_per_device to a number."
        )
    # A study has one kind of slot: the GPU with the least room decides.
    free = min(gpu.free_bytes for gpu in gpus)
    return pack_gpus(peak, free, num_gpus=len(gpus), cores=cores, cpus_per_trial=per_trial, sizes=sizes)


def packed(resources: ResourcesConfig, packing: Packing) -> ResourcesConfig:
    """Return a trial's resources in a packing; its threads stay the same, because their number decides last bits."""
    return resources.model_copy(update={"gpus_per_trial": packing.gpus_per_trial})


def _sizes(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Return the settings that decide the memory of the trials, by dotted name: the batch, then sizes of their methods.

    What decides the size of a checkpoint is held in memory too.
    """
    of_methods = [name for name in settings_with(Trait.CHECKPOINT_COST) if name.startswith("method.")]
    return (*BATCH, *(name for name in of_methods if any(_has_size(trial, name) for trial in trials)))


def _has_size(trial: Trial, name: str) -> bool:
    value = getattr(trial.config.method, name.removeprefix("method."), None)
    return type(value) is int and value > 0
