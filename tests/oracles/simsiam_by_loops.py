"""A step of SimSiam with feature transformation, written number by number."""

from collections.abc import Iterable

import torch
from step_by_loops import Row, dot, mixed, moments_of, rows_of, shares_of, total, unit
from torch import Tensor, nn

from ftlab.contrast.transform import FeatureTransform
from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.methods.method import Streams
from ftlab.methods.simsiam import SimSiam


def normalised(rows: list[Row], norm: GroupedBatchNorm) -> list[Row]:
    """Return each group of rows with mean 0 and variance 1 in every column, then scaled and shifted."""
    size, found = len(rows) // norm.num_groups, []
    for group in range(norm.num_groups):
        own = rows[group * size : (group + 1) * size]
        means = [total([row[c] for row in own]) / size for c in range(norm.num_features)]
        variances = [total([(row[c] - means[c]) ** 2 for row in own]) / size for c in range(norm.num_features)]
        for row in own:
            unscaled = [(row[c] - means[c]) / (variances[c] + norm.eps) ** 0.5 for c in range(norm.num_features)]
            found.append([value * norm.weight[c] + norm.bias[c] for c, value in enumerate(unscaled)])
    return found


def outputs_of(layers: Iterable[nn.Module], rows: list[Row]) -> list[Row]:
    """Return the outputs of a head for the rows of a batch, in training."""
    for layer in layers:
        if isinstance(layer, nn.Linear):
            weights = rows_of(layer.weight)
            biases = torch.zeros(len(weights)) if layer.bias is None else layer.bias
            rows = [[dot(weight, row) + bias for weight, bias in zip(weights, biases, strict=True)] for row in rows]
        elif isinstance(layer, GroupedBatchNorm):
            rows = normalised(rows, layer)
        else:
            assert isinstance(layer, nn.ReLU)
            rows = [[value if value > 0 else value * 0 for value in row] for row in rows]
    return rows


def simsiam_by_loops(
    simsiam: SimSiam,
    projector: Iterable[nn.Module],
    views: tuple[Tensor, Tensor],
    streams: Streams,
    transform: FeatureTransform,
) -> tuple[Tensor, dict[str, float]]:
    """Return loss and statistics of N images.

    Args:
        simsiam: Its predictor is used, in float64.
        projector: The layers of its encoder, in float64.
        views: (N, F) inputs of the projector, of each view.
        streams: Randomness; it draws on the CPU.
        transform: The feature transformation.
    """
    projections = [outputs_of(projector, rows_of(view)) for view in views]
    predictions = [outputs_of(simsiam.predictor, rows) for rows in projections]
    num_images, dim = len(projections[0]), len(projections[0][0])
    constants = [[[value.detach() for value in unit(row)] for row in rows] for rows in projections]
    scaled = unit if transform.renormalise else list[Tensor]

    loss = torch.zeros((), dtype=torch.float64)
    before, seen = [], []
    for view, name in enumerate(("positives", "mirrored positives")):
        shares = None
        if transform.positives is not None:
            shares = shares_of(transform.positives, (num_images, dim), streams[name])
        for image in range(num_images):
            prediction, target = unit(predictions[view][image]), constants[1 - view][image]
            before.append(dot(prediction, target))
            if shares is not None:
                share = shares[image]
                mixed_pair = mixed(prediction, target, share), mixed(target, prediction, share)
                prediction, target = (scaled(row) for row in mixed_pair)
            seen.append(dot(prediction, target))
            # Half of each direction's mean.
            loss = loss - seen[-1] / num_images / 2

    spreads = [moments_of([row[c] for row in rows])[1] ** 0.5 for rows in constants for c in range(dim)]
    names = ["scores/positive_mean", "scores/positive_variance"]
    values = [*moments_of(before), *moments_of(seen), sum(spreads) / len(spreads) * dim**0.5]
    all_names = [*names, *(f"{name}_transformed" for name in names), "features/projection_std"]
    return loss, dict(zip(all_names, values, strict=True))
