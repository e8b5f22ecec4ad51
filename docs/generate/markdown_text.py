"""Markdown of generated pages."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table; a pipe in a cell does not end it.

    >>> print(table(["name", "meaning"], [["`a`", "a | b"]]))
    | name | meaning |
    | --- | --- |
    | `a` | a \| b |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def page(title: str, *parts: str) -> str:
    """Return a page of parts, each a paragraph, a heading or a table."""
    return "\n\n".join([f"# {title}", *parts]) + "\n"


def code(text: object) -> str:
    """Return a text as code."""
    return f"`{text}`"


def described(found: Iterable[str], meanings: dict[str, str], what: str) -> list[tuple[str, str]]:
    """Return each name that the product has with its meaning.

    Args:
        found: The names, as the product has them.
        meanings: Their meanings, as the page has them.
        what: A name in words of what they are.

    Raises:
        LookupError: A name has no meaning, or a meaning has no such name.
    """
    names = list(dict.fromkeys(found))
    missing, unused = [name for name in names if name not in meanings], meanings.keys() - set(names)
    if missing or unused:
        raise LookupError(f"each {what} must be described, and no other: missing {missing}, unused {sorted(unused)}")
    return [(name, meanings[name]) for name in names]
