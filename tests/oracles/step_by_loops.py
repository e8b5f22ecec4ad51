"""A step of MoCo with feature transformation, written number by number."""

import torch
from torch import Tensor

from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform, sample_coefficients
from ftlab.encoders.encoder import Encoder
from ftlab.methods.method import Streams, Views
from ftlab.methods.moco import MoCo

Row = list[Tensor]


def total(values: Row) -> Tensor:
    return sum(values[1:], values[0])


def dot(first: Row, second: Row) -> Tensor:
    return total([a * b for a, b in zip(first, second, strict=True)])


def unit(row: Row) -> Row:
    norm = dot(row, row) ** 0.5
    return [value / norm for value in row]


def mixed(first: Row, second: Row, shares: Row) -> Row:
    return [share * a + (1 - share) * b for a, b, share in zip(first, second, shares, strict=True)]


def rows_of(matrix: Tensor) -> list[Row]:
    return [list(row.unbind()) for row in matrix.unbind()]


def moments_of(values: Row) -> list[float]:
    floats = [value.item() for value in values]
    mean = sum(floats) / len(floats)
    return [mean, sum((value - mean) ** 2 for value in floats) / len(floats)]


def moments_per_query(scores: list[Row]) -> list[float]:
    """The mean of all scores, and the mean over queries of the unbiased variance over each one's own."""
    variances = []
    for own in scores:
        _, variance = moments_of(own)
        variances.append(variance * len(own) / (len(own) - 1) if len(own) > 1 else variance)
    return [moments_of([score for own in scores for score in own])[0], sum(variances) / len(variances)]


def shares_of(
    part: PositiveTransform | NegativeTransform, shape: tuple[int, int], generator: torch.Generator
) -> list[Row]:
    drawn = sample_coefficients(part.alpha, part.bounds, shape, part.granularity, generator=generator)
    return rows_of(drawn.cpu().double().expand(shape))


def step_by_loops(
    moco: MoCo,
    query_encoder: Encoder,
    key_encoder: Encoder,
    views: Views,
    streams: Streams,
    transform: FeatureTransform,
) -> tuple[Tensor, dict[str, float]]:
    """The paper's algorithm, number by number in float64; returns the loss and the statistics by name.

    Encoders and views are on the CPU, the encoders in float64; streams draw on the device of the step.
    """
    order = views.order.tolist()
    num_images, (queue_size, dim) = len(order), moco.queue.keys.shape
    queries = [unit(row) for row in rows_of(query_encoder(views.images[0].double()))]
    with torch.no_grad():
        shuffled = rows_of(key_encoder(views.images[1].double()))
        keys = [unit(shuffled[order.index(n)]) for n in range(num_images)]
        queue = rows_of(moco.queue.keys.cpu().double())

    new_queries, new_keys, new_queue = queries, keys, queue
    if transform.positives is not None:
        shares = shares_of(transform.positives, (num_images, dim), streams["positives"])
        new_queries = [mixed(queries[n], keys[n], shares[n]) for n in range(num_images)]
        new_keys = [mixed(keys[n], queries[n], shares[n]) for n in range(num_images)]
    if transform.negatives is not None:
        generator = streams["negatives"]
        shares = shares_of(transform.negatives, (queue_size, dim), generator)
        partners = torch.randperm(queue_size, generator=generator, device=generator.device).tolist()
        new_queue = [mixed(queue[k], queue[partners[k]], shares[k]) for k in range(queue_size)]
        new_queue = queue + new_queue if transform.negatives.union else new_queue
    if transform.renormalise:
        new_queries, new_keys, new_queue = (list(map(unit, part)) for part in (new_queries, new_keys, new_queue))

    loss = torch.zeros((), dtype=torch.float64)
    positive_scores, negative_scores = [], []
    for n in range(num_images):
        positive = dot(new_queries[n], new_keys[n])
        against = new_queries[n] if transform.query_for_negatives == "transformed" else queries[n]
        negatives = [dot(against, negative) for negative in new_queue]
        exponentials = [(score / moco.temperature).exp() for score in (positive, *negatives)]
        loss = loss - (exponentials[0] / total(exponentials)).log() / num_images
        positive_scores.append(positive)
        negative_scores.append(negatives)
    statistics = [
        *moments_of([dot(query, key) for query, key in zip(queries, keys, strict=True)]),
        *moments_per_query([[dot(query, key) for key in queue] for query in queries]),
        *moments_of(positive_scores),
        *moments_per_query(negative_scores),
    ]
    names = [f"scores/{sign}_{moment}" for sign in ("positive", "negative") for moment in ("mean", "variance")]
    return loss, dict(zip([*names, *(f"{name}_transformed" for name in names)], statistics, strict=True))
