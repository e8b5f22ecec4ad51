"""Checks of Python, of the installed packages and of the device."""

import re
import sys
from importlib.metadata import PackageNotFoundError, distributions, requires, version

from ftlab.doctor.finding import Finding, fault, good, warning
from ftlab.doctor.surroundings import Surroundings
from ftlab.errors import listed

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)  # as pyproject.toml says

_MAX_NAMED = 5
_LOCKED = re.compile(r"^([a-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def check_python(_: Surroundings) -> Finding:
    """Check the version of Python."""
    found = ".".join(map(str, sys.version_info[:3]))
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return good(found)
    return fault(
        f"{found}, but ftlab needs 3.11 to 3.13", "rm -r .venv && make setup PYTHON=python3.12, or another of these"
    )


def check_packages(surroundings: Surroundings) -> Finding:
    """Compare the installed packages with requirements.lock."""
    absent = [name for name in _direct_requirements() if not _is_installed(name)]
    if absent:
        return fault(f"not installed: {', '.join(absent)}", "make setup")
    if not surroundings.lock.is_file():
        return warning("no requirements.lock beside the package to compare with", "run ftlab from a checkout")
    locked = _locked_versions(surroundings.lock.read_text(encoding="utf-8"))
    found = {_normal(found.metadata["Name"]): found.version.partition("+")[0] for found in distributions()}
    other = [
        f"{name} {found[name]} instead of {' or '.join(sorted(versions))}"
        for name, versions in sorted(locked.items())
        if name in found and found[name] not in versions
    ]
    if other:
        return warning(
            f"other versions than in requirements.lock: {listed(other, _MAX_NAMED)}; numbers may differ",
            "make setup",
        )
    return good(f"{len(found.keys() & locked)} packages as in requirements.lock")


def check_torch(_: Surroundings) -> Finding:
    """Check that torch and torchvision match: torchvision's operators are made for one build of torch."""
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
    except Exception as error:
        cause = str(error).partition("\n")[0]
        return fault(
            f"torch {_version('torch')} and torchvision {_version('torchvision')} do not work together: {cause}",
            "make setup; if torch was installed by hand, install both from one index",
        )
    return good(f"torch {_version('torch')} and torchvision {_version('torchvision')} work together")


def check_cuda(surroundings: Surroundings) -> Finding:
    """Check that there is a CUDA device if the profile asks for one."""
    import torch

    wanted = surroundings.profile.resources.device
    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
        return good(f"{torch.cuda.device_count()} devices: {', '.join(sorted(names))}")
    if wanted != "cuda":
        return good(f"no device; the profile {surroundings.profile_name} trains on the CPU")
    if torch.version.cuda is None:
        return fault(
            f"this torch is built without CUDA, and the profile {surroundings.profile_name} needs it",
            "make setup installs the build of requirements.lock",
        )
    return fault(
        f"no device, and the profile {surroundings.profile_name} needs one",
        "nvidia-smi shows whether the driver sees it; without one, choose a profile with resources.device auto or cpu",
    )


def _direct_requirements() -> list[str]:
    entries = requires("ftlab") or []
    return [re.split(r"[^A-Za-z0-9._-]", entry)[0] for entry in entries if "extra ==" not in entry]


def _locked_versions(lock: str) -> dict[str, set[str]]:
    """Return the versions of each package; there may be several, for several versions of Python."""
    locked: dict[str, set[str]] = {}
    for name, found in _LOCKED.findall(lock):
        locked.setdefault(_normal(name), set()).add(found.partition("+")[0])
    return locked


def _is_installed(name: str) -> bool:
    return _version(name) != "(absent)"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(absent)"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
