"""The part of this machine that a study may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capacity:
    """The part of this machine that a study may use; None means all of it. On an existing cluster its size counts.

    Attributes:
        cpus: CPU cores.
        gpus: GPUs.
    """

    cpus: int | None = None
    gpus: int | None = None
