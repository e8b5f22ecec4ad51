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
        "hardware.cores": str(os.cpu_count()),
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
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
