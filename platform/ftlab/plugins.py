"""Methods, backbones, data sets and view recipes that other installed packages add by entry points."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Kind = Literal["methods", "backbones", "data", "views"]
KINDS: tuple[Kind, ...] = ("methods", "backbones", "data", "views")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """Something that another package adds.

    Attributes:
        name: Its name, by which a setting chooses it.
        value: The object that the entry point names.
        package: Distribution that holds it.
        version: Version of the distribution.
        code: Digest of the sources of its top package: they decide numbers, while a version need not change with them.
    """

    name: str
    value: object
    package: str
    version: str
    code: str


@cache
def plugins(kind: Kind) -> Mapping[str, Plugin]:
    """Return what installed packages add to a kind, by name; one that cannot be imported is left out with a warning.

    Args:
        kind: The end of the entry points' group, e.g. ``methods`` of ``ftlab.methods``.
    """
    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=f"ftlab.{kind}"), key=lambda entry: (entry.name, entry.value)):
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else (entry.module, "")
        if entry.name in found:
            _logger.warning("%s of %s is left out: %s has that name.", entry.name, package, found[entry.name].package)
            continue
        try:
            found[entry.name] = Plugin(entry.name, entry.load(), package, version, _code_digest(entry))
        except Exception as error:
            # Whatever a package of others raises, commands that do not need it must work.
            _logger.warning("%s of %s is left out, because importing it failed: %s", entry.name, package, error)
    return found


@cache
def plugin_packages() -> Mapping[str, Plugin]:
    """Return one plugin of each package that adds anything, by the package's name."""
    return {plugin.package: plugin for kind in KINDS for plugin in plugins(kind).values()}


def _code_digest(entry: EntryPoint) -> str:
    spec = find_spec(entry.module.partition(".")[0])
    if spec is None or spec.origin is None:
        return ""
    folder = Path(spec.origin).parent
    sources = sorted(folder.rglob("*.py")) if spec.submodule_search_locations else [Path(spec.origin)]
    lines = [f"{path.relative_to(folder).as_posix()} {sha256(path.read_bytes()).hexdigest()}" for path in sources]
    return sha256("\n".join(lines).encode()).hexdigest()
