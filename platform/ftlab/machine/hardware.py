"""The hardware that trials run on, as far as it decides their durations; imports no torch."""

import os
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.machine.facts import collect_provenance
from ftlab.machine.memory import find_gpus


@dataclass(frozen=True)
class Hardware:
    """The hardware of a trial; durations are comparable between trials on equal hardware.

    Attributes:
        cpu: Model of the processor.
        cores: CPU cores of the machine.
        device: Name of the GPU, or ``cpu``.
        threads: Torch threads of a trial.
        together: Trials that share the device at a time: the GPU, or without one the machine.
        cluster: Address of the Ray cluster; empty for this machine.
    """

    cpu: str
    cores: str
    device: str
    threads: int
    together: int
    cluster: str = ""

    def tags(self) -> dict[str, str]:
        """Return the tags that a trial is recorded with; a trial with all of these tags ran on equal hardware."""
        return {f"hardware.{name}": str(value) for name, value in vars(self).items()}


def find_hardware(resources: ResourcesConfig, together: int) -> Hardware:
    """Return the hardware that a trial with these resources runs on.

    Args:
        resources: Resources of a trial.
        together: Trials that share a device at a time.
    """
    facts = collect_provenance()
    names = [] if device_setting(resources) == "cpu" else [gpu.name for gpu in find_gpus()]
    return Hardware(
        cpu=facts["hardware.cpu"],
        cores=facts["hardware.cores"],
        device=names[0] if names else "cpu",
        threads=resources.cpus_per_trial,
        together=together,
        cluster=os.environ.get("RAY_ADDRESS", ""),
    )


def device_setting(resources: ResourcesConfig) -> str:
    """Return the device setting of a study's trial: ``auto`` without a share of a GPU is the CPU, as Ray hides GPUs."""
    return "cpu" if resources.device == "auto" and not resources.gpus_per_trial else resources.device
