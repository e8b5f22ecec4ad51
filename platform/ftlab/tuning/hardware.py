"""What trials run on, as far as it decides how long they take; imports no torch."""

import os
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.tuning.memory import find_gpus
from ftlab.tuning.provenance import collect_provenance


@dataclass(frozen=True)
class Hardware:
    """Durations are comparable between trials that ran on equal hardware.

    Attributes:
        cpu: Model of the processor.
        cores: CPU cores of the machine.
        device: Name of the GPU, or ``cpu``.
        threads: Torch threads of a trial.
        together: Trials that share the device at a time: the GPU, or without one the machine.
        cluster: Address of the cluster that trained; empty for this machine.
    """

    cpu: str
    cores: str
    device: str
    threads: int
    together: int
    cluster: str = ""

    def tags(self) -> dict[str, str]:
        """Return the tags that a trial is recorded with; one that bears them all ran on equal hardware."""
        return {f"hardware.{name}": str(value) for name, value in vars(self).items()}


def find_hardware(resources: ResourcesConfig, together: int) -> Hardware:
    """Return what a trial of these resources runs on.

    Args:
        resources: What a trial may use.
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
    """Return the setting of the device as a trial of a study finds it: without a share of a GPU, Ray hides them all."""
    return "cpu" if resources.device == "auto" and not resources.gpus_per_trial else resources.device
