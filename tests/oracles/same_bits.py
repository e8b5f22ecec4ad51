"""States and results compared bit for bit, but for the times in them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a nested state with their paths."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{name}/{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from flatten(inner, f"{name}/{position}")
    else:
        yield name, value


def is_a_time(name: str) -> bool:
    return name.endswith(("_seconds", "timestamp"))


def assert_same_bits(found: Any, expected: Any) -> None:
    """Compare all leaves but the times; the message names those that differ."""
    found_leaves, expected_leaves = dict(flatten(found)), dict(flatten(expected))
    assert found_leaves.keys() == expected_leaves.keys()
    others = [
        name
        for name, value in expected_leaves.items()
        if not is_a_time(name) and not is_same(found_leaves[name], value)
    ]
    assert not others, f"{len(others)} of {len(expected_leaves)} values differ: {', '.join(others[:8])}"


def is_same(found: Any, expected: Any) -> bool:
    return torch.equal(found, expected) if isinstance(expected, Tensor) else bool(found == expected)
