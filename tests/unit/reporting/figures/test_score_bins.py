from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftlab.reporting.figures.score_bins import MAX_BINS, common_edges, counts_between


def histograms(*rows: tuple[list[int], float, float]) -> pd.DataFrame:
    # As a selection of rows has them: labels that are no places.
    return pd.DataFrame(rows, columns=["counts", "low", "high"], index=range(10, 10 + len(rows)))


def both(*rows: tuple[list[int], float, float]) -> tuple[Any, Any]:
    found = histograms(*rows)
    edges = common_edges(found)
    return edges.tolist(), counts_between(found, edges).tolist()


def test_equal_bins_stay_as_they_are() -> None:
    edges, counts = both(([1, 2, 0, 0], -1.0, 1.0), ([0, 0, 0, 5], -1.0, 1.0))
    assert edges == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert counts == [[1, 2, 0, 0], [0, 0, 0, 5]]


@pytest.mark.parametrize("filled", [0, 3, 19])
def test_bins_are_added_as_far_as_there_are_scores(filled: int) -> None:
    wide = [0] * 20  # of a width of 0.5, from -9
    wide[filled] = 7
    edges, counts = both(([1, 2, 3, 4], -1.0, 1.0), (wide, -9.0, 1.0))
    lowest = min(-9.0 + 0.5 * filled, -1.0)
    assert edges == pytest.approx(np.arange(lowest, 1.01, 0.5).tolist())
    assert counts[0][-4:] == [1, 2, 3, 4]
    assert (counts[1][round((-9.0 + 0.5 * filled - lowest) / 0.5)], sum(counts[1])) == (7, 7)


def test_a_wider_bin_is_split_by_width() -> None:
    edges, counts = both(([1, 1, 1, 1], -1.0, 1.0), ([0, 6], -3.0, 1.5))
    assert edges == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
    assert counts[0] == [1, 1, 1, 1, 0]
    # From -0.75 to 1.5.
    assert counts[1] == pytest.approx([6 * share / 2.25 for share in (0.25, 0.5, 0.5, 0.5, 0.5)])


@pytest.mark.parametrize("bounds", [(-9.0, 1.0), (-25.0, 1.0), (-3.0, 3.0), (-2.25, 1.0), (-1e6, 1e6), (-1e30, 1.0)])
def test_no_count_is_lost_and_bins_are_not_too_many(bounds: tuple[float, float]) -> None:
    random = np.random.default_rng(0)
    rows = [(random.integers(0, 9, 100).tolist(), -1.0, 1.0), (random.integers(1, 9, 500).tolist(), *bounds)]
    edges, counts = both(*rows)
    assert len(edges) <= MAX_BINS + 3
    assert [sum(row) for row in counts] == pytest.approx([sum(row[0]) for row in rows], rel=1e-6)


def test_nothing_but_empty_histograms_keep_the_finest_bins() -> None:
    edges, counts = both(([0, 0], -1.0, 1.0), ([0] * 5, -9.0, 1.0))
    assert edges == [-1.0, 0.0, 1.0]
    assert counts == [[0, 0], [0, 0]]
