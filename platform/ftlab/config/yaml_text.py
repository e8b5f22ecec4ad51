"""Read YAML 1.2 as plain data and within bounds, because somebody else may have written it."""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isinf
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ftlab.errors import ConfigError

MAX_BYTES = 2**20
MAX_NODES = 100_000
MAX_DEPTH = 32
MAX_DIGITS = 100

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, and where its parts stand.

    Attributes:
        path: The file.
        content: Mappings, lists, texts, numbers, booleans and None.
        lines: The line, from 1, of each part by its keys and indexes.
    """

    path: Path
    content: Any
    lines: Mapping[Location, int] = field(default_factory=dict)

    def place(self, location: Location) -> str:
        """Return ``file:line`` of a part, or of the nearest part around it that the file has."""
        around = (location[:length] for length in range(len(location), -1, -1))
        return f"{self.path}:{next((self.lines[part] for part in around if part in self.lines), 1)}"


def parse_yaml(text: str, source: str) -> Any:
    """Return the mappings, lists, texts and numbers of a YAML text; never another object of Python.

    Values are read by the core schema of YAML 1.2: ``yes`` and ``1:40`` are texts, ``010`` is ten, ``1e1`` a number.

    Args:
        text: The text.
        source: Name of its source, for messages.

    Raises:
        ConfigError: It is no YAML, gives a key twice, has a key that is no text, is longer than `MAX_BYTES`, is nested
            deeper than `MAX_DEPTH`, or becomes more than `MAX_NODES` values once its aliases are followed.
    """
    return _parse(text, source)[0]


def read_yaml(path: Path) -> Document:
    """Return the content of a YAML file; see `parse_yaml`.

    Raises:
        ConfigError: It cannot be read, or breaks a rule of `parse_yaml`.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} must be a file of UTF-8 text: {error}") from error
    content, node = _parse(text, str(path))
    return Document(path, content, dict(_lines(node, (), node)) if node else {})


def _parse(text: str, source: str) -> tuple[Any, yaml.Node | None]:
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{source} must have at most {MAX_BYTES:,} characters, but has more.")
    try:
        loader = _BoundedLoader(text, source)
        node = loader.get_single_node()
        return (None, None) if node is None else (loader.construct_document(node), node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        raise ConfigError(f"{where} must be YAML: {' '.join(filter(None, (error.context, error.problem)))}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} must be YAML: {error}") from error


def _lines(node: yaml.Node, location: Location, start: yaml.Node) -> Iterator[tuple[Location, int]]:
    yield location, start.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*location, key.value), key)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*location, index), value)


class _BoundedLoader(yaml.SafeLoader):
    """Reads the core schema, and counts the values of a document before anything is built: alias bombs are refused."""

    # SafeLoader's own tables are those of YAML 1.1, with dates, sexagesimal numbers, sets and a yes that is true.
    yaml_implicit_resolvers = {}  # noqa: RUF012 - filled below
    yaml_constructors: ClassVar[dict[Any, Any]] = {}

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self.name = source
        self._depth = 0
        self._num_nodes = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node and its children; an alias counts as many values as its anchor."""
        event = self.peek_event()  # type: ignore[no-untyped-call] # the base is of yaml, the class is ours
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self.anchors:
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

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping whose keys are texts, each given once."""
        given: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag not in (_tag("str"), _tag("merge")):
                raise _refusal("a key must be a text, but this one is not", key)
            if key.value in given:
                raise _refusal(f"a key must be given once, but {key.value!r} is given twice", key)
            given.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.Node) -> str:
        """Return the text of a scalar; nothing else stands for one."""
        if not isinstance(node, yaml.ScalarNode):
            raise _refusal(f"{node.tag!r} must be a single value, but is none", node)
        return str(node.value)

    def _count(self, number: int) -> None:
        self._num_nodes += number
        if self._num_nodes > MAX_NODES:
            raise yaml.YAMLError(f"at most {MAX_NODES:,} values are read, but its aliases stand for more.")


def _tag(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


def _refusal(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _whole_number(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


def _number(text: str) -> float:
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    number = float(text) + 0.0  # -0.0 is 0.0
    if isinf(number):
        raise ValueError(f"{text} is larger than any number of 64 bits")
    return number


# The core schema of YAML 1.2.2, section 10.3.2, in the order in which its rules are tried: name, form, value.
_SCALARS: dict[str, tuple[str, Any]] = {
    "null": (r"null|Null|NULL|~|", lambda _: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", _whole_number),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _number,
    ),
    "merge": (r"<<", str),  # no part of YAML 1.2, but of what its readers read
}


def _construct(name: str) -> Any:
    form, value = _SCALARS[name]

    def construct(loader: _BoundedLoader, node: yaml.Node) -> Any:
        text = loader.construct_scalar(node)
        if not re.fullmatch(form, text):
            raise _refusal(f"{text[:MAX_DIGITS]!r} is no {name}", node)
        if len(text) > MAX_DIGITS:
            raise _refusal(f"a number must have at most {MAX_DIGITS} characters, but has {len(text):,}", node)
        try:
            return value(text)
        except ValueError as error:
            raise _refusal(str(error), node) from error

    return construct


for _name, (_form, _) in _SCALARS.items():
    _BoundedLoader.add_implicit_resolver(_tag(_name), re.compile(rf"^(?:{_form})$"), None)
_BoundedLoader.yaml_constructors.update({_tag(name): _construct(name) for name in _SCALARS})
_BoundedLoader.yaml_constructors[_tag("str")] = _BoundedLoader.construct_scalar
_BoundedLoader.yaml_constructors[_tag("seq")] = _BoundedLoader.construct_yaml_seq
_BoundedLoader.yaml_constructors[_tag("map")] = _BoundedLoader.construct_yaml_map
_BoundedLoader.yaml_constructors[None] = _BoundedLoader.construct_undefined
