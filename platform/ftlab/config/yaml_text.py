"""Read YAML as plain data and within bounds, because somebody else may have written it."""

from pathlib import Path
from typing import Any

import yaml

from ftlab.errors import ConfigError

MAX_BYTES = 2**20
MAX_NODES = 100_000
MAX_DEPTH = 32


def parse_yaml(text: str, source: str) -> Any:
    """Return the mappings, lists, texts and numbers of a YAML text; never another object of Python.

    Args:
        text: The text.
        source: Name of its source, for messages.

    Raises:
        ConfigError: It is no YAML, is longer than `MAX_BYTES`, is nested deeper than `MAX_DEPTH`, or becomes more than
            `MAX_NODES` values once its aliases are followed.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{source} must have at most {MAX_BYTES:,} characters, but has more.")
    try:
        return yaml.load(text, _BoundedLoader)  # noqa: S506, TID251 - a safe loader, with bounds
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: a date that does not exist
        raise ConfigError(f"{source} must be YAML: {error}") from error


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; see `parse_yaml`.

    Raises:
        ConfigError: It cannot be read, or breaks a rule of `parse_yaml`.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} must be a file of UTF-8 text: {error}") from error
    return parse_yaml(text, str(path))


class _BoundedLoader(yaml.SafeLoader):
    """Counts the values of a document before anything is built, so that an alias bomb is refused."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._num_nodes = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node and its children; an alias counts as many values as its anchor."""
        event = self.peek_event()  # type: ignore[no-untyped-call] # the base is of yaml, the class is ours
        if isinstance(event, yaml.AliasEvent):
            # Inside itself, an anchor has no size yet.
            self._count(self._sizes.get(str(event.anchor), MAX_NODES))
            return super().compose_node(parent, index)
        before = self._num_nodes
        self._count(1)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.YAMLError(f"at most {MAX_DEPTH} levels are read, but it is nested deeper.")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor := getattr(event, "anchor", None):
            self._sizes[anchor] = self._num_nodes - before
        return node

    def _count(self, number: int) -> None:
        self._num_nodes += number
        if self._num_nodes > MAX_NODES:
            raise yaml.YAMLError(f"at most {MAX_NODES:,} values are read, but its aliases stand for more.")
