from itertools import pairwise, permutations, product

import pytest
from matplotlib.figure import Figure

from ftlab.reporting.print.end_labels import LineEnd, label_ends, spread


def test_places_apart_stay_where_they_are() -> None:
    assert spread([0.1, 0.9, 0.5], 0.1) == [0.1, 0.9, 0.5]


@pytest.mark.parametrize("order", list(permutations([0.30, 0.32, 0.70])))
def test_places_move_as_little_as_they_must(order: tuple[float, ...]) -> None:
    gap, steps = 0.1, [place / 50 for place in range(51)]
    in_order = sorted(range(3), key=order.__getitem__)
    allowed = [
        found
        for found in product(steps, repeat=3)
        if all(found[high] - found[low] >= gap - 1e-9 for low, high in pairwise(in_order))
    ]
    best = min(allowed, key=lambda found: sum((one - other) ** 2 for one, other in zip(found, order, strict=True)))
    assert spread(order, gap) == pytest.approx(best, abs=0.011)


def test_places_stay_between_the_ends() -> None:
    assert spread([1.0, 1.0, 1.0], 0.1) == [0.8, 0.9, 1.0]
    assert spread([0.0, 0.0], 0.1) == [0.0, 0.1]
    assert spread([], 0.1) == []


def test_each_line_is_named_at_its_end() -> None:
    axes = Figure().subplots()
    axes.set(xlim=(0, 10), ylim=(0, 2))
    label_ends(axes, [LineEnd(10, 2, "a", "red"), LineEnd(5, 1, "b", "blue")], 0.1)
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert [line.get_xdata()[0] for line in axes.get_lines()] == pytest.approx([1.0, 0.5])
    assert [line.get_ydata()[0] for line in axes.get_lines()] == pytest.approx([1.0, 0.5])
