"""Places of labels that must not cover each other."""

from collections.abc import Sequence
from statistics import fmean


def move_apart(places: Sequence[float], gap: float) -> list[float]:
    """Return the places nearest to these, by the sum of squares, that lie a gap apart in the same order.

    Places less a gap for each one below them must not fall, so that they are a regression on rising numbers, by pooling
    neighbours that violate it (Ayer et al. 1955, doi:10.1214/aoms/1177728423).

    >>> move_apart([5.0, 0.0, 0.0], 2.0)
    [5.0, -1.0, 1.0]
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    pools: list[list[float]] = []
    for rank, place in enumerate(order):
        pools.append([places[place] - rank * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    levels = [fmean(pool) for pool in pools for _ in pool]
    moved = {place: level + rank * gap for rank, (place, level) in enumerate(zip(order, levels, strict=True))}
    return [moved[place] for place in range(len(places))]
