"""All checks, each bounded in time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Thread

from ftlab.doctor.cluster import check_ray
from ftlab.doctor.finding import Finding, fault
from ftlab.doctor.installation import check_cuda, check_packages, check_python, check_torch
from ftlab.doctor.machine import (
    check_backbones,
    check_clock,
    check_data,
    check_disk,
    check_home,
    check_ray_disk,
    check_shared_home,
)
from ftlab.doctor.store import check_store
from ftlab.doctor.surroundings import Surroundings


@dataclass(frozen=True)
class Check:
    """A check with its time limit.

    Attributes:
        examine: Function that makes the check.
        seconds: Time limit; the first import of a package from a cold disk takes most of it.
    """

    examine: Callable[[Surroundings], Finding]
    seconds: float = 10.0


CHECKS: Mapping[str, Check] = {
    "Python": Check(check_python),
    "packages": Check(check_packages),
    "torch": Check(check_torch, 120.0),
    "CUDA": Check(check_cuda, 60.0),
    "FTLAB_HOME": Check(check_home),
    "disk": Check(check_disk),
    "backbones": Check(check_backbones, 30.0),
    "Ray's disk": Check(check_ray_disk),
    "data": Check(check_data, 60.0),
    "object store": Check(check_shared_home, 30.0),
    "tracking store": Check(check_store, 60.0),
    "clock": Check(check_clock, 60.0),
    "Ray": Check(check_ray, 60.0),
}


def check_up(surroundings: Surroundings, checks: Mapping[str, Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """Run every check and yield its name and finding; a check that hangs or fails is a fault itself."""
    for name, check in checks.items():
        yield name, _bounded(check, surroundings)


def _bounded(check: Check, surroundings: Surroundings) -> Finding:
    found: list[Finding] = []

    def examine() -> None:
        try:
            found.append(check.examine(surroundings))
        except Exception as error:
            reason = str(error).partition("\n")[0]
            found.append(
                fault(f"the check failed: {type(error).__name__}: {reason}", "make setup, if a package is damaged")
            )

    thread = Thread(target=examine, daemon=True)
    thread.start()
    thread.join(check.seconds)
    late = fault(f"no answer in {check.seconds:.0f} s", "find the disk, network or server that hangs")
    return found[0] if found else late
