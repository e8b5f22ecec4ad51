"""A step of SimCLR with feature transformation, written number by number."""

import torch
from step_by_loops import Row, dot, mixed, moments_of, moments_per_query, rows_of, shares_of, total, unit
from torch import Tensor

from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import Streams
from ftlab.methods.simclr import Partner


def constant(row: Row) -> Row:
    return [value.detach() for value in row]


def simclr_by_loops(
    views: tuple[Tensor, Tensor], temperature: float, partner: Partner, streams: Streams, transform: FeatureTransform
) -> tuple[Tensor, dict[str, float]]:
    """Return loss and statistics of N images.

    Args:
        views: (N, C) features of each view, in float64, not normalised.
        temperature: Temperature of InfoNCE.
        partner: See SimCLR.
        streams: Randomness; it draws on the CPU.
        transform: The feature transformation.
    """
    features = [[unit(row) for row in rows_of(view)] for view in views]
    num_images, dim = len(features[0]), len(features[0][0])
    images = [image for image in range(num_images) for _ in views]
    bank = [features[view][image] for image in range(num_images) for view in (0, 1)]
    origins = [{image} for image in images]
    plain_bank, plain_origins = bank, origins

    scaled = unit if transform.renormalise else list[Tensor]
    shares = None
    if transform.positives is not None:
        shares = shares_of(transform.positives, (num_images, dim), streams["positives"])
    if transform.negatives is not None:
        generator = streams["negatives"]
        weights = shares_of(transform.negatives, (len(bank), dim), generator)
        partners = torch.randperm(len(bank), generator=generator).tolist()
        new = [scaled(mixed(bank[k], bank[partners[k]], weights[k])) for k in range(len(bank))]
        holds = [{images[k], images[partners[k]]} for k in range(len(bank))]
        keeps = transform.negatives.union
        bank, origins = (list(map(scaled, bank)) + new, origins + holds) if keeps else (new, holds)

    loss = torch.zeros((), dtype=torch.float64)
    plain_positive, plain_negative, positive_scores, negative_scores = [], [], [], []
    for image in range(num_images):
        for view in (0, 1):
            own, other = features[view][image], features[1 - view][image]
            plain_positive.append(dot(own, other))
            against = [row for row, holds in zip(plain_bank, plain_origins, strict=True) if image not in holds]
            plain_negative.append([dot(own, row) for row in against])
            anchor, key = own, other
            if shares is not None:
                share = shares[image]
                if partner == "live":
                    anchor, key = mixed(own, other, share), mixed(other, own, share)
                elif partner == "mix_in_constant":
                    anchor, key = mixed(own, constant(other), share), mixed(other, constant(own), share)
                else:
                    anchor, key = mixed(own, constant(other), share), mixed(constant(other), own, share)
                anchor, key = scaled(anchor), scaled(key)
            asking = anchor if transform.query_for_negatives == "transformed" else own
            positive = dot(anchor, key)
            negatives = [dot(asking, row) for row, holds in zip(bank, origins, strict=True) if image not in holds]
            exponentials = [(score / temperature).exp() for score in (positive, *negatives)]
            loss = loss - (exponentials[0] / total(exponentials)).log() / len(images)
            positive_scores.append(positive)
            negative_scores.append(negatives)
    names = [f"scores/{sign}_{moment}" for sign in ("positive", "negative") for moment in ("mean", "variance")]
    values = [
        *(*moments_of(plain_positive), *moments_per_query(plain_negative)),
        *(*moments_of(positive_scores), *moments_per_query(negative_scores)),
    ]
    return loss, dict(zip([*names, *(f"{name}_transformed" for name in names)], values, strict=True))
