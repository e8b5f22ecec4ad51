"""What trials run on, as far as it decides how long they take; imports no torch."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache

from ftlab.config.experiment import ResourcesConfig
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
    uses_gpu = resources.device == "cuda" or (resources.device == "auto" and resources.gpus_per_trial > 0)
    return Hardware(
        cpu=facts["hardware.cpu"],
        cores=facts["hardware.cores"],
        device=(gpu_name() or "cpu") if uses_gpu else "cpu",
        threads=resources.cpus_per_trial,
        together=together,
        cluster=os.environ.get("RAY_ADDRESS", ""),
    )


@cache
def gpu_name() -> str | None:
    """Return the name of this machine's first GPU, as the driver tells it; None without one."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    names = done.stdout.strip().splitlines()
    return names[0].strip() if names else None
