"""The sources of the package, read for the names in them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def sources() -> dict[str, str]:
    """Return the text of each module of the package and of the explorer, by path."""
    folders = ("platform/ftlab", "dashboards/explorer")
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    ours = (path for path in paths if not {"template", "testing"} & set(path.relative_to(ROOT).parts))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ours}


def names_in_code(pattern: str, *rooms: str) -> list[str]:
    """Return the first group of each place where a pattern is found in the code of rooms, once, in order.

    Args:
        pattern: Regular expression with a group.
        rooms: Folders of the package; none means all.
    """
    texts = (text for path, text in sources().items() if not rooms or path.split("/")[2] in rooms)
    return list(dict.fromkeys(name for text in texts for name in re.findall(pattern, text)))


def variables_read() -> list[str]:
    """Return the environment variables that the package reads by name, sorted."""
    trees = (ast.parse(text) for text in sources().values())
    return sorted({name for tree in trees for node in ast.walk(tree) for name in _variable(node)})


def _variable(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name)), ctx=ast.Load()):
            yield name
