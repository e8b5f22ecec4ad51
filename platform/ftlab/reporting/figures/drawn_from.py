"""The digest of everything that a figure or page is drawn from: its numbers, the code that draws, and its libraries."""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ftlab.contrast import score_statistics
from ftlab.storage.digests import code_digest

Medium = Literal["print", "pages", "search"]

# The code of the other medium, and code that draws nothing, may change.
NOT_DRAWN_BY: Mapping[Medium, tuple[str, ...]] = {
    "print": ("pages", "search", "trace"),
    "pages": ("print", "search", "trace"),
    "search": ("pages", "trace"),
}
LIBRARIES: Mapping[Medium, tuple[str, ...]] = {
    "print": ("matplotlib", "numpy", "pillow"),
    "pages": ("plotly", "jinja2", "numpy"),
    "search": ("matplotlib", "numpy", "pillow"),
}
REPORTING = Path(__file__).parents[1]


def drawn_from(content: object, medium: Medium) -> str:
    """Return the digest of everything that a figure or page is drawn from.

    Args:
        content: The numbers and words that it shows: dataclasses, collections, arrays, numbers and texts.
        medium: ``print``, ``pages``, or ``search`` for the figures of a search.

    Raises:
        TypeError: The content holds something whose digest would not tell that it changed.
    """
    versions = {name: version(name) for name in LIBRARIES[medium]}
    labels = Path(score_statistics.__file__)
    code = [code_digest(REPORTING, NOT_DRAWN_BY[medium]), sha256(labels.read_bytes()).hexdigest()]
    text = json.dumps([code, versions, content], default=_plain)
    return sha256(text.encode()).hexdigest()


def _plain(content: object) -> Any:
    """Return what JSON does not know in terms of what it does."""
    if isinstance(content, np.ndarray | np.generic):
        return content.tolist()
    if isinstance(content, Mapping):
        return dict(content)
    if isinstance(content, frozenset | set):
        return sorted(content)
    if hasattr(type(content), "__dataclass_fields__"):
        return vars(content)
    raise TypeError(f"a figure must be drawn from numbers and texts, but got {type(content).__name__}.")
