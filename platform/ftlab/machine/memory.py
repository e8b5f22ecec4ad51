"""The free memory of this machine and its GPUs; imports no torch."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ftlab.errors import ConfigError

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine.

    Attributes:
        name: Its model.
        total_bytes: Its memory.
        free_bytes: Memory that no process holds now.
    """

    name: str
    total_bytes: int
    free_bytes: int


@cache
def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs of this machine, as NVIDIA's driver lists them at the first call; none without the driver."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(done.stdout)


def parse_gpus(answer: str) -> tuple[Gpu, ...]:
    """Read lines of name, total and free mebibytes; other lines are skipped.

    >>> parse_gpus("NVIDIA H200, 143771, 143000")
    (Gpu(name='NVIDIA H200', total_bytes=150754820096, free_bytes=149946368000),)
    """
    gpus = []
    for line in answer.splitlines():
        name, *sizes = (part.strip() for part in line.rsplit(",", 2))
        if len(sizes) == 2 and all(size.isdecimal() for size in sizes):
            gpus.append(Gpu(name, *(int(size) * 1024**2 for size in sizes)))
    return tuple(gpus)


def available_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Return the bytes of memory that new processes may take, here and within the limits of a container.

    Args:
        meminfo: The kernel's account of memory.
        cgroup: Folder of the control group that this process is in.

    Raises:
        ConfigError: The system does not tell the free memory.
    """
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines() if ":" in line)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"free memory must be known to pack trials, but {meminfo} does not tell it; "
            "set resources.trials_per_device to a number."
        ) from error
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="utf-8"))
        return min(free, limit - int((cgroup / "memory.current").read_text(encoding="utf-8")))
    except (OSError, ValueError):  # no control groups, or "max"
        return free
