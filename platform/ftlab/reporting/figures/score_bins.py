"""Common bins for histograms whose edges differ: scores after FT reach further than cosines."""

from collections.abc import Iterator
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_BINS = 1000

Floats = NDArray[np.float64]


def common_edges(histograms: pd.DataFrame) -> Floats:
    """Return the edges of bins that hold all counts: the finest bins there are, and more of them as far as needed.

    If that is more than `MAX_BINS`, neighbours are merged.

    Args:
        histograms: ``counts``, ``low``, ``high``; at least one row.
    """
    kinds = [(edges, counts.sum(axis=0)) for edges, counts, _ in _kinds(histograms)]
    # Of about equally wide bins, the fewest: those of cosines, which so keep their edges.
    finest = min((edges for edges, _ in kinds), key=lambda edges: (round(edges[1] - edges[0], 3), len(edges)))
    width = finest[1] - finest[0]
    filled = np.concatenate([[edges[:-1][counts > 0], edges[1:][counts > 0]] for edges, counts in kinds], axis=1)
    # A hair beyond the edges is no bin more.
    below = ceil((finest[0] - filled.min(initial=finest[0])) / width - 1e-6)
    above = ceil((filled.max(initial=finest[-1]) - finest[-1]) / width - 1e-6)
    if not below and not above:
        return finest
    merged = ceil((below + len(finest) - 1 + above) / MAX_BINS)
    places = np.arange(-ceil(below / merged), ceil((len(finest) - 1 + above) / merged) + 1) * float(merged)
    return np.asarray(finest[0] + places * width)


def counts_between(histograms: pd.DataFrame, edges: Floats) -> NDArray[np.float64]:
    """Return the (rows, bins) counts in other bins; those of a bin that several share are split by width.

    Args:
        histograms: ``counts``, ``low``, ``high``.
        edges: Edges that hold all counts, see `common_edges`.
    """
    found = np.zeros((len(histograms), len(edges) - 1))
    for own, counts, places in _kinds(histograms):
        found[places] = counts if np.array_equal(own, edges) else counts @ _shares(own, edges)
    return found


def _kinds(histograms: pd.DataFrame) -> Iterator[tuple[Floats, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the edges, the (rows, bins) counts and the places of histograms with the same bins."""
    sizes = histograms["counts"].map(len).to_numpy()
    kinds = np.column_stack([histograms["low"], histograms["high"], sizes])
    for low, high, size in np.unique(kinds, axis=0):
        (places,) = (kinds == (low, high, size)).all(axis=1).nonzero()
        yield np.linspace(low, high, int(size) + 1), np.stack(histograms["counts"].iloc[places].to_list()), places


def _shares(own: Floats, other: Floats) -> Floats:
    """Return the share of each bin of ``own`` that lies in each of ``other``."""
    upper = np.minimum(own[1:, None], other[None, 1:])
    lower = np.maximum(own[:-1, None], other[None, :-1])
    # Rounded, so that edges a hair apart are the same.
    return np.asarray(((upper - lower).clip(0.0) / np.diff(own)[:, None]).round(9))
