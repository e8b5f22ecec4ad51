"""A step of SwAV with feature transformation, written number by number."""

from math import exp
from typing import NamedTuple

import torch
from step_by_loops import Row, dot, mixed, moments_of, moments_per_query, rows_of, shares_of, total, unit
from torch import Tensor

from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import Streams

Matrix = list[list[float]]


class Step(NamedTuple):
    """A step: its loss, with gradient, its statistics by name, and the code of each view of each image."""

    loss: Tensor
    statistics: dict[str, float]
    codes: list[Matrix]


def sinkhorn_by_loops(scores: Matrix, epsilon: float, iterations: int) -> Matrix:
    """Return the codes of N rows as the paper's appendix computes them, from the exponentials."""
    num_rows, num_prototypes = len(scores), len(scores[0])
    shares = [[exp(score / epsilon) for score in row] for row in scores]
    everything = sum(map(sum, shares))
    shares = [[share / everything for share in row] for row in shares]
    for _ in range(iterations):
        sums = [sum(row[k] for row in shares) for k in range(num_prototypes)]
        shares = [[row[k] / sums[k] / num_prototypes for k in range(num_prototypes)] for row in shares]
        shares = [[share / sum(row) / num_rows for share in row] for row in shares]
    return [[share * num_rows for share in row] for row in shares]


def constant(row: Row) -> Row:
    return [value.detach() for value in row]


def swav_by_loops(
    views: tuple[Tensor, Tensor],
    prototype_rows: Tensor,
    streams: Streams,
    transform: FeatureTransform,
    *,
    temperature: float,
    epsilon: float,
    iterations: int,
    queue: Tensor | None = None,
) -> Step:
    """Return a step of N images.

    Args:
        views: (N, C) features of each view, in float64, not normalised.
        prototype_rows: (K, C) unit vectors.
        streams: Randomness; it draws on the CPU.
        transform: The feature transformation.
        temperature: Temperature of the predictions.
        epsilon: Smoothness of the codes.
        iterations: Iterations of Sinkhorn's algorithm.
        queue: (2, Q, C) earlier features of each view that help to balance codes.
    """
    features = [[unit(row) for row in rows_of(view)] for view in views]
    prototypes = rows_of(prototype_rows)
    num_images, num_prototypes, dim = len(features[0]), len(prototypes), len(prototypes[0])

    codes = []
    for view in (0, 1):
        rows = features[view] + (rows_of(queue[view].double()) if queue is not None else [])
        scores = [[dot(row, prototype).item() for prototype in prototypes] for row in rows]
        codes.append(sinkhorn_by_loops(scores, epsilon, iterations)[:num_images])

    scaled = unit if transform.renormalise else list[Tensor]
    seen, negatives, origins = features, prototypes, [{k} for k in range(num_prototypes)]
    if transform.positives is not None:
        shares = shares_of(transform.positives, (num_images, dim), streams["positives"])
        seen = [
            [scaled(mixed(own, constant(other), share)) for own, other, share in zip(*both, shares, strict=True)]
            for both in (features, features[::-1])
        ]
    if transform.negatives is not None:
        generator = streams["negatives"]
        shares = shares_of(transform.negatives, (num_prototypes, dim), generator)
        partners = torch.randperm(num_prototypes, generator=generator).tolist()
        negatives = [scaled(mixed(prototypes[k], prototypes[partners[k]], shares[k])) for k in range(num_prototypes)]
        origins = [{k, partners[k]} for k in range(num_prototypes)]

    loss = torch.zeros((), dtype=torch.float64)
    for view in (0, 1):
        for image in range(num_images):
            code = codes[1 - view][image]
            for k in range(num_prototypes):
                own = (dot(seen[view][image], prototypes[k]) / temperature).exp()
                others = [
                    (dot(seen[view][image], negative) / temperature).exp()
                    for negative, holds in zip(negatives, origins, strict=True)
                    if k not in holds
                ]
                loss = loss - code[k] * (own / total([own, *others])).log() / (2 * num_images)

    plain = [{k} for k in range(num_prototypes)]
    statistics = _score_statistics(features, codes, prototypes, prototypes, plain)
    after = _score_statistics(seen, codes, prototypes, negatives, origins)
    statistics |= {f"{name}_transformed": value for name, value in after.items()}
    return Step(loss, statistics, codes)


def _score_statistics(
    features: list[list[Row]],
    codes: list[Matrix],
    prototypes: list[Row],
    negatives: list[Row],
    origins: list[set[int]],
) -> dict[str, float]:
    positive = [dot(one, other) for one, other in zip(*features, strict=True)]
    assigned, others = [], []
    for view in (0, 1):
        for row, code in zip(features[view], codes[1 - view], strict=True):
            top = code.index(max(code))
            assigned.append(dot(row, prototypes[top]))
            apart = [negative for negative, holds in zip(negatives, origins, strict=True) if top not in holds]
            others.append([dot(row, negative) for negative in apart])
    positive_mean, positive_variance = moments_of(positive)
    other_mean, other_variance = moments_per_query(others)
    return {
        "scores/positive_mean": positive_mean,
        "scores/positive_variance": positive_variance,
        "scores/assigned_prototype_mean": moments_of(assigned)[0],
        "scores/other_prototypes_mean": other_mean,
        "scores/other_prototypes_variance": other_variance,
    }
