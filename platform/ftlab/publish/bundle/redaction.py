"""Remove paths and host names from a bundle, because they mean something only on the machine that made it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ftlab.config.setting import Setting, Trait
from ftlab.config.trial import settings_with

PAGE, SETTINGS = ".html", ".yaml"
NO_HOST = "(host left out)"


@dataclass(frozen=True)
class Redaction:
    """The words that are replaced in the texts of a bundle.

    Attributes:
        paths: Absolute paths, which are reduced to their last part.
        hosts: Names of machines, which are left out if they stand as whole words.
    """

    paths: frozenset[str]
    hosts: frozenset[str]

    def apply(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files with settings and pages redacted; no other text of a bundle holds paths or hosts."""
        return {
            name: self.redact(content.decode()).encode() if name.endswith((PAGE, SETTINGS)) else content
            for name, content in files.items()
        }

    def redact(self, text: str) -> str:
        """Return a text without paths and hosts.

        >>> Redaction(frozenset({"/home/ann/flowers"}), frozenset({"node7"})).redact("/home/ann/flowers on node7")
        'flowers on (host left out)'
        """
        # The longest first: one path may be the beginning of another.
        for path in sorted(self.paths, key=len, reverse=True):
            text = text.replace(path, Path(path).name)
        for host in sorted(self.hosts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", NO_HOST, text)
        return text


def find_paths(settings: Iterable[Mapping[str, Setting]]) -> frozenset[str]:
    """Return the absolute paths in settings by dotted name."""
    values = (flat.get(name) for flat in settings for name in settings_with(Trait.PATH))
    return frozenset(value for value in values if isinstance(value, str) and Path(value).is_absolute())
