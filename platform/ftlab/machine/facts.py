"""The provenance of a trial: commit, hardware and versions."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftlab.plugins import plugin_packages

PACKAGES = ("ftlab", "torch", "torchvision", "ray", "mlflow", "numpy")


@cache
def collect_provenance() -> dict[str, str]:
    """Return the facts about this machine and checkout that every trial is tagged with."""
    commit, dirty = _checkout()
    return {
        "git.commit": commit,
        "git.dirty": dirty,
        "hardware.host": platform.node(),
        "hardware.cpu": _cpu_model(),
        "hardware.cores": str(usable_cores()),
        "python": platform.python_version(),
        **{f"version.{package}": _version(package) for package in PACKAGES},
        **{f"version.{package.name}": package.version for package in plugin_packages()},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _checkout() -> tuple[str, str]:
    """Return the commit, and whether files differ from it; an image has no repository and sets FTLAB_COMMIT."""
    commit = _git("rev-parse", "HEAD")
    if commit:
        return commit, str(bool(_git("status", "--porcelain"))).lower()
    commit, _, dirty = os.environ.get("FTLAB_COMMIT", "").partition("-")
    return (commit, str(bool(dirty)).lower()) if commit else ("unknown", "unknown")


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            # A hook or a shell may name another repository.
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of CPU cores that this process may use: by its affinity, and by the limit of a container.

    Args:
        cgroup: Folder of the control group that this process is in.
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = (int(number) for number in (cgroup / "cpu.max").read_text(encoding="utf-8").split())
    except (OSError, ValueError):  # no control groups, or "max"
        return cores
    return max(1, min(cores, quota // period))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
