"""SwAV with feature transformation: each view predicts the assignment of the other one to learned prototypes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.contrast.recent_features import RecentFeatures
from ftlab.contrast.score_statistics import (
    COLLAPSED_MARGIN,
    POSITIVE_MEAN,
    POSITIVES,
    SEEN_POSITIVES,
    ScoreStatistic,
)
from ftlab.contrast.scores import CollapseVerdict, ScoreHistogram, score_histogram
from ftlab.contrast.sinkhorn import sinkhorn
from ftlab.contrast.transform import FeatureTransform, group_stream, group_streams
from ftlab.encoders.encoder import make_mlp
from ftlab.methods.batch_parts import cut, join
from ftlab.methods.method import MethodParts, ParameterGroup, PretrainingMethod, StepResult, Streams, Views
from ftlab.methods.prototype_prediction import SCORES, SEEN_SCORES, Prediction, name_scores, predict, small_losses
from ftlab.methods.view_pairs import other_views, side_by_side

MEAN_FEATURE, CODE_PEAK, LOSS_SHARE = "features/squared_mean", "codes/largest_weight", "codes/loss_share"
COLLAPSE_SIGNS = (
    ScoreStatistic(MEAN_FEATURE, "squared length of the mean feature"),
    ScoreStatistic(CODE_PEAK, "largest weight of a code, in those of a uniform one"),
    ScoreStatistic(LOSS_SHARE, "loss before FT, as a share of that of chance"),
)

# Equal features, or equal prototypes, have uniform codes but for rounding.
UNIFORM_PEAK = 1.05


class SwAVSettings(Protocol):
    """The settings of SwAV.

    Attributes:
        temperature: Temperature of the predictions, > 0.
        epsilon: Smoothness of the codes, > 0; see `ftlab.contrast.sinkhorn.sinkhorn`.
        sinkhorn_iterations: Iterations of Sinkhorn's algorithm, >= 1.
        num_prototypes: K >= 2.
        head_width: Hidden width of the projection head.
        freeze_prototypes_epochs: First epochs in which the prototypes stay as they are.
        queue_size: Q, earlier features of each view that help to balance codes; 0 for none.
        queue_start_epoch: Epochs before they do.
    """

    @property
    def temperature(self) -> float: ...  # noqa: D102 - described above

    @property
    def epsilon(self) -> float: ...  # noqa: D102

    @property
    def sinkhorn_iterations(self) -> int: ...  # noqa: D102

    @property
    def num_prototypes(self) -> int: ...  # noqa: D102

    @property
    def head_width(self) -> int: ...  # noqa: D102

    @property
    def freeze_prototypes_epochs(self) -> int: ...  # noqa: D102

    @property
    def queue_size(self) -> int: ...  # noqa: D102

    @property
    def queue_start_epoch(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class SwAVResult(StepResult):
    """The results of a step of SwAV.

    Attributes:
        features: (2n, C) unit vectors of the views side by side, untransformed, without gradient.
        positive: (n,) scores of the positives before FT.
        seen_positive: (n,) those after it.
        transform: The transformation in force.
    """

    features: Tensor
    positive: Tensor
    seen_positive: Tensor
    transform: FeatureTransform


class SwAV(PretrainingMethod[SwAVResult]):
    """Swapped assignments between views (arXiv 2006.09882), with feature transformation.

    Each view of an image is scored against K prototypes, unit vectors that are learned. Its code is the assignment to
    them that spreads the batch evenly, see `ftlab.contrast.sinkhorn.sinkhorn`; it is a constant. The softmax of a
    view's scores predicts the code of the other view. The loss is the mean cross entropy over the 2N views.

    Small crops (multi-crop), if there are V of each image, have no code: each predicts those of both views, and the
    loss is the mean over all 2N (V + 1) predictions. The encoder sees views and crops apart, so that batch
    normalisation, that of the head too, meets one size at a time; in the authors' code the head meets all at once.

    The paper on feature transformation (arXiv 2108.02982, table 7) has SwAV, but no definition of FT in it is public;
    this one is ours. Codes are those of untransformed features. Positives are the two views: ``z1' = l z1 + (1 - l)
    z2``, and the same for z2', with one coefficient a pair and no gradient through the view that is mixed in, as MoCo's
    keys have none; the mixed view predicts. Negatives are the other prototypes, mixed with a permutation of all:
    prototype k has the share ``exp(s_k) / (exp(s_k) + sum_j exp(s_j'))``, whose own score s_k is unmixed, without the
    slots j that hold k, which leaves K - 2 or K - 1. Small crops are not mixed, and predict by unmixed prototypes.

    A positive score is that of the two views of an image, after FT of the mixed ones. The loss contrasts no features
    with each other, so there are no negative scores: those with the assigned prototype, which has the largest weight in
    the code that a view predicts, and with the other prototypes are statistics of their own. If features collapse, the
    length of their mean tends to 1, codes become uniform, and the loss ln K.

    Args:
        parts: The parts of the method. Its head is linear, batch normalisation, ReLU, linear.
        settings: The settings of SwAV.
    """

    statistics = (*SCORES, *SEEN_SCORES, *COLLAPSE_SIGNS)
    streams: tuple[str, ...] = ("positives", "negatives")
    encoder_name = "encoder_of_views"

    def __init__(self, parts: MethodParts, settings: SwAVSettings) -> None:
        super().__init__(parts)
        dim, num_prototypes = parts.feature_dim, settings.num_prototypes
        self.encoder_of_views = parts.make_encoder(
            make_head=lambda num_features: make_mlp((num_features, settings.head_width, dim), parts.bn_groups)
        )
        self.prototypes = parts.seeded("prototypes", lambda: nn.Linear(dim, num_prototypes, bias=False))
        self.queue = RecentFeatures(2, settings.queue_size, dim) if settings.queue_size else None
        self.temperature = settings.temperature
        self.epsilon = settings.epsilon
        self.sinkhorn_iterations = settings.sinkhorn_iterations
        self.freeze_prototypes_epochs = settings.freeze_prototypes_epochs
        self.queue_start_epoch = settings.queue_start_epoch
        self.streams = group_streams(type(self).streams, self.transform.groups)
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: SwAVSettings) -> Self:
        """Build SwAV from its parts and its section of the configuration."""
        return cls(parts, settings)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the encoder's parameters, and the prototypes, whose length decay would only change between steps."""
        return [*super().parameter_groups(), ParameterGroup(list(self.prototypes.parameters()), decays=False)]

    def step(self, views: Views, streams: Streams, epoch: int) -> SwAVResult:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: Two views of each image, and small crops if there are some.
            streams: Coefficients of the ``positives``, coefficients and permutations of the ``negatives``.
            epoch: The 0-based epoch, which decides whether features are transformed, prototypes learn, and earlier
                features help to balance codes.
        """
        transform = self.transform_at(epoch)
        prototypes = self._unit_prototypes(epoch)  # (K, C)
        features = self.encode(self.encoder_of_views, side_by_side(views))  # (2n, C)
        codes = other_views(self._assign(features, prototypes, epoch))  # (2n, K), those that each view predicts
        of_small = [] if views.small is None else [self._predict_small(views.small, codes, prototypes)]
        seen = self._predict(features, codes, prototypes, transform, streams)
        loss = torch.cat([seen.losses, *of_small]).mean()
        before = seen = Prediction(*(part.detach() for part in seen))
        if not transform.is_identity:
            with torch.no_grad():
                before = self._predict(features, codes, prototypes, FeatureTransform(), streams)
        features, loss_before = features.detach(), torch.cat([before.losses, *of_small]).detach().mean()
        signs = self._collapse_signs(features, codes, loss_before)
        scores = name_scores(before) | name_scores(seen, after_ft=True) | signs
        return SwAVResult(loss, scores, features, before.positive, seen.positive, transform)

    @torch.no_grad()
    def update(self, result: SwAVResult) -> None:
        """Enqueue the untransformed features of all ranks."""
        if self.queue is not None:
            self.queue.enqueue(self.ranks.gather(result.features).unflatten(0, (-1, 2)).transpose(0, 1))

    @torch.no_grad()
    def histograms(self, result: SwAVResult) -> dict[str, ScoreHistogram]:
        """Return the histograms of the positive scores of a step on all ranks, before FT and after it."""
        histograms = {
            POSITIVES: score_histogram(result.positive),
            SEEN_POSITIVES: score_histogram(result.seen_positive, result.transform.positive_range),
        }
        return self.over_ranks(histograms)

    @staticmethod
    def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
        """Judge by the features of the last epoch, and by the codes, which are uniform if the prototypes are all one.

        The squared length of the mean feature is the mean score of any two views, equal or not. That of two views of
        one image must exceed it by `COLLAPSED_MARGIN`, as positives must exceed negatives where there are some.
        """
        margin = metrics[POSITIVE_MEAN] - metrics[MEAN_FEATURE]
        if margin < COLLAPSED_MARGIN:
            return CollapseVerdict(True, f"views of one image are only {margin:.3f} more alike than any two views")
        if metrics[CODE_PEAK] < UNIFORM_PEAK:
            return CollapseVerdict(True, "codes are uniform: the prototypes are all alike")
        return CollapseVerdict(False)

    def _unit_prototypes(self, epoch: int) -> Tensor:
        """Return the prototypes, put back on the unit sphere; without gradient while they are frozen."""
        weight = self.prototypes.weight
        with torch.no_grad():
            weight.copy_(F.normalize(weight))
        # Without a gradient the optimiser leaves them out, momentum included.
        return weight.detach() if epoch < self.freeze_prototypes_epochs else weight

    @torch.no_grad()
    def _assign(self, features: Tensor, prototypes: Tensor, epoch: int) -> Tensor:
        """Return the (2n, K) codes of (2n, C) features; those of each view are spread evenly by themselves."""
        codes = [self._codes(features[view::2], prototypes, view, epoch) for view in range(2)]
        return torch.stack(codes, dim=1).flatten(0, 1)

    def _codes(self, features: Tensor, prototypes: Tensor, view: int, epoch: int) -> Tensor:
        rows, counted = features, None
        if self.queue is not None and epoch >= self.queue_start_epoch:
            earlier = self.queue.features[view].tensor_split(self.ranks.size)[self.ranks.rank]
            is_new = torch.arange(len(features) + len(earlier), device=features.device) < len(features)
            rows, counted = torch.cat([features, earlier]), is_new | self.queue.is_full
        scores = rows @ prototypes.T
        codes = sinkhorn(scores, self.epsilon, self.sinkhorn_iterations, counted=counted, ranks=self.ranks)
        return codes[: len(features)]

    def _predict(
        self, features: Tensor, codes: Tensor, prototypes: Tensor, transform: FeatureTransform, streams: Streams
    ) -> Prediction:
        """Return the predictions of each group of FT on this rank; a single group is the batch of all ranks."""
        ranks, groups = self.groups_of(transform)
        parts = zip(groups, cut(features, len(groups)), cut(codes, len(groups)), strict=True)
        predictions = [
            predict(
                own,
                own_codes,
                prototypes,
                self.temperature,
                transform,
                positive_generator=streams[group_stream("positives", group)],
                negative_generator=streams[group_stream("negatives", group)],
                ranks=ranks,
            )
            for group, own, own_codes in parts
        ]
        return Prediction(*map(join, zip(*predictions, strict=True)))

    def _predict_small(self, small: Tensor, codes: Tensor, prototypes: Tensor) -> Tensor:
        return small_losses(self.encode(self.encoder_of_views, small), codes, prototypes, self.temperature)

    @torch.no_grad()
    def _collapse_signs(self, features: Tensor, codes: Tensor, loss_before: Tensor) -> dict[str, Tensor]:
        num_prototypes = codes.shape[1]
        signs = {
            MEAN_FEATURE: self.ranks.mean(features.mean(dim=0)).square().sum(),
            CODE_PEAK: codes.amax(dim=1).mean() * num_prototypes,
            LOSS_SHARE: loss_before / log(num_prototypes),
        }
        return {name: value.double() for name, value in signs.items()}
