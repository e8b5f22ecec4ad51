"""The software of a process: trials of one study must not come from two versions of the code."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftlab.errors import ConfigError
from ftlab.plugins import plugin_packages
from ftlab.study.identity import NUMERICS_VERSION

# A trial's key does not include their versions, but the last bits of its numbers may depend on them.
PACKAGES = ("torch", "torchvision", "numpy", "ray")

# The code that computes numbers. The rest, such as the display, may be edited while a sweep runs.
FOLDERS = ("assembly", "config", "contrast", "data", "encoders", "methods", "ranks", "training")


@dataclass(frozen=True)
class Software:
    """The versions that decide the numbers of a trial beside its settings and data.

    Attributes:
        host: Name of the machine, for messages.
        versions: Version by name; for Python and packages only the part that is the same with and without CUDA.
    """

    host: str
    versions: dict[str, str]

    def differences(self, other: "Software") -> list[str]:
        """Return the differences in words, empty if trials of both may stand in one table."""
        return [
            f"{name} {mine} on {self.host}, {other.versions.get(name, 'absent')} on {other.host}"
            for name, mine in self.versions.items()
            if mine != other.versions.get(name)
        ]


def installed_software() -> Software:
    """Return the software of this process; imports none of the packages."""
    versions = {
        "ftlab numerics": str(NUMERICS_VERSION),
        "ftlab code": code_digest(Path(__file__).parents[1]),
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{package: _public_version(package) for package in PACKAGES},
        **{f"{package.name} code": package.code[:12] for package in plugin_packages()},
    }
    return Software(platform.node(), versions)


def check_software(expected: Software, found: Sequence[Software]) -> None:
    """Check that the same versions are installed as on the driver.

    Raises:
        ConfigError: A version differs.
    """
    differences = [line for software in found for line in expected.differences(software)]
    if differences:
        raise ConfigError(
            "Every node must have the driver's version of ftlab and its packages, but there is "
            f"{'; '.join(differences)}. Install requirements.lock and the same commit everywhere, or submit the "
            "checkout with the job, see docs/tutorials/cluster.md."
        )


def code_digest(package: Path) -> str:
    """Return a digest of the sources in `FOLDERS` below the package's folder, by name and content."""
    sources = sorted(path for folder in FOLDERS for path in (package / folder).rglob("*.py"))
    content = [f"{path.relative_to(package)} {sha256(path.read_bytes()).hexdigest()}" for path in sources]
    return sha256("\n".join(content).encode()).hexdigest()[:12]


def _public_version(package: str) -> str:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "absent"
