"""Methods, backbones, data sets and view recipes that other installed packages add by entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar

from ftlab.errors import ConfigError

Kind = Literal["methods", "backbones", "data", "views"]
KINDS: tuple[Kind, ...] = ("methods", "backbones", "data", "views")


ExpectedT = TypeVar("ExpectedT")


@dataclass(frozen=True)
class Package:
    """A package that adds something.

    Attributes:
        name: Name of the distribution.
        version: Version of the distribution.
        code: Digest of the sources of the module that an entry point names, and of all others in its top package: they
            decide numbers, while the version need not change with them.
    """

    name: str
    version: str
    code: str


def plugin_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of what other packages add to a kind; imports nothing of theirs.

    Args:
        kind: The end of the entry points' group, e.g. ``methods`` of ``ftlab.methods``.
    """
    return tuple(sorted(_entries(kind)))


def load_plugin(kind: Kind, name: str, expected: type[ExpectedT]) -> ExpectedT:
    """Return the object that an entry point names.

    Args:
        kind: See `plugin_names`.
        name: Name of the entry point.
        expected: Type of the object.

    Raises:
        ConfigError: It cannot be imported, or has another type.
    """
    entry = _entries(kind)[name]
    try:
        found = entry.load()
    except Exception as error:  # whatever a package of others raises
        raise ConfigError(
            f"{name!r} of the package {_package_name(entry)} must be importable as {entry.value}, but is not: {error}"
        ) from error
    if not isinstance(found, expected):
        raise ConfigError(
            f"{name!r} of the package {_package_name(entry)} must be a {expected.__name__}, but {entry.value} is a "
            f"{type(found).__name__}."
        )
    return found


@cache
def plugin_package(kind: Kind, name: str) -> Package:
    """Return the package that adds something."""
    entry = _entries(kind)[name]
    version = entry.dist.version if entry.dist else ""
    return Package(_package_name(entry), version, _code_digest(entry.module.partition(".")[0]))


@cache
def plugin_packages() -> tuple[Package, ...]:
    """Return every package that adds something, by name."""
    found = {plugin_package(kind, name) for kind in KINDS for name in plugin_names(kind)}
    return tuple(sorted(found, key=lambda package: (package.name, package.code)))


@cache
def _entries(kind: Kind) -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"ftlab.{kind}")}


def _package_name(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module.partition(".")[0]


def _code_digest(top: str) -> str:
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return ""
    folder = Path(spec.origin).parent
    sources = sorted(folder.rglob("*.py")) if spec.submodule_search_locations else [Path(spec.origin)]
    lines = [f"{path.relative_to(folder).as_posix()} {sha256(path.read_bytes()).hexdigest()}" for path in sources]
    return sha256("\n".join(lines).encode()).hexdigest()
