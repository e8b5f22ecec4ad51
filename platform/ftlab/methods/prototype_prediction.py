"""The predictions of SwAV, with the scores that they come from, and their statistics."""

from typing import NamedTuple

import torch
from torch import Tensor

from ftlab.contrast.log_shares import log_shares
from ftlab.contrast.score_statistics import BEFORE_FT, POSITIVE_MEAN, POSITIVE_VARIANCE, ScoreStatistic
from ftlab.contrast.scores import moments_per_query, score_moments
from ftlab.contrast.transform import FeatureTransform, mix
from ftlab.methods.view_pairs import other_views, pair_coefficients
from ftlab.ranks.exchange import ALONE, Ranks

SCORES = (
    *(statistic for statistic in BEFORE_FT if statistic.name in (POSITIVE_MEAN, POSITIVE_VARIANCE)),
    ScoreStatistic("scores/assigned_prototype_mean", "mean score with the assigned prototype"),
    ScoreStatistic("scores/other_prototypes_mean", "mean score with the other prototypes"),
    # The mean over views of the variance over a view's own other prototypes.
    ScoreStatistic("scores/other_prototypes_variance", "variance of scores with the other prototypes"),
)
SEEN_SCORES = tuple(statistic.after_ft() for statistic in SCORES)


class Prediction(NamedTuple):
    """The predictions of n images, whose two views are side by side, and the scores that they come from.

    Attributes:
        losses: (2n,) cross entropy of the code that a view predicts, in nats.
        positive: (n,), the two views of an image.
        assigned: (2n,), a view and the prototype with the largest weight in the code that it predicts.
        other: (2n, K), a view and each prototype that it is contrasted with.
        excluded: (2n, K) bool: the prototype holds the assigned one.
    """

    losses: Tensor
    positive: Tensor
    assigned: Tensor
    other: Tensor
    excluded: Tensor


def predict(
    features: Tensor,
    codes: Tensor,
    prototypes: Tensor,
    temperature: float,
    transform: FeatureTransform,
    *,
    positive_generator: torch.Generator,
    negative_generator: torch.Generator,
    ranks: Ranks = ALONE,
) -> Prediction:
    """Predict codes by the softmax of a view's scores with the prototypes (arXiv 2006.09882, eq. 2).

    FT mixes each view with the other one of its image, without gradient through that, and the prototypes with a
    permutation of them. A prototype is then contrasted, by its own unmixed score, with the mixed ones that do not hold
    it: ``log p_k = s_k - log(exp(s_k) + sum_j exp(s_j'))``, all over the temperature.

    Args:
        features: (2n, C) unit vectors of this rank's views, those of an image side by side, with gradient.
        codes: (2n, K), the code that each view predicts, without gradient.
        prototypes: (K, C) unit vectors, with gradient if they are trained.
        temperature: > 0.
        transform: The feature transformation.
        positive_generator: Randomness of the views, one coefficient a pair.
        negative_generator: Randomness of the prototypes.
        ranks: The ranks that hold the other views that the randomness is shared with.
    """
    if transform.positives is not None:
        shares = pair_coefficients(transform.positives, features, generator=positive_generator, ranks=ranks)
        features = transform.scaled(mix(features, other_views(features).detach(), shares))
    scores = features @ prototypes.T  # (2n, K)
    bank = transform.mix_negatives(prototypes, generator=negative_generator)
    slots = bank.rows.argsort(dim=0)  # (K, 2), those that hold a prototype
    if transform.negatives is None:
        other, logs = scores, (scores / temperature).log_softmax(dim=1)
    else:
        other = features @ bank.features.T
        logs = log_shares(scores / temperature, other / temperature, slots)
    assigned = codes.argmax(dim=1)
    return Prediction(
        losses=-(codes * logs).sum(dim=1),
        positive=(features[::2] * features[1::2]).sum(dim=1),
        assigned=scores.gather(1, assigned[:, None])[:, 0],
        other=other,
        excluded=torch.zeros_like(other, dtype=torch.bool).scatter(1, slots[assigned], True),
    )


def small_losses(small: Tensor, codes: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """Return the cross entropy of the codes of both views of an image by each of its small crops, without FT.

    Args:
        small: (V n, C) unit vectors, those of the V crops of an image in a row, with gradient.
        codes: (2n, K), those of the views of an image side by side, without gradient.
        prototypes: (K, C) unit vectors, with gradient if they are trained.
        temperature: > 0.

    Returns:
        (2 V n,) in nats.
    """
    logs = (small @ prototypes.T / temperature).log_softmax(dim=1)
    own_codes = codes.unflatten(0, (-1, 2))  # (n, 2, K)
    own_logs = logs.unflatten(0, (len(own_codes), -1))  # (n, V, K)
    agreements: Tensor = own_codes @ own_logs.transpose(1, 2)  # (n, 2, V)
    return -agreements.flatten()


def name_scores(prediction: Prediction, *, after_ft: bool = False) -> dict[str, Tensor]:
    """Return the statistics of a prediction's scores as values of `SCORES`, of those before FT or after it."""
    positive, other = score_moments(prediction.positive), moments_per_query(prediction.other, prediction.excluded)
    values = (*positive, prediction.assigned.detach().double().mean(), *other)
    names = [statistic.name for statistic in (SEEN_SCORES if after_ft else SCORES)]
    return dict(zip(names, values, strict=True))
