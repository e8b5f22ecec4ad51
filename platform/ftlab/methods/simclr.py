"""SimCLR with feature transformation: the batch's other images are the negatives, and gradients flow through all."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from ftlab.contrast.loss import Contrast, info_nce_of_scores
from ftlab.contrast.score_statistics import (
    NEGATIVES,
    POSITIVES,
    SCORE_STATISTICS,
    SEEN_NEGATIVES,
    SEEN_POSITIVES,
)
from ftlab.contrast.scores import (
    ScoreHistogram,
    detect_collapse,
    moments_per_query,
    name_moments,
    score_histogram,
    score_moments,
)
from ftlab.contrast.transform import FeatureTransform, group_stream, group_streams, mix
from ftlab.methods.batch_parts import join
from ftlab.methods.method import MethodParts, PretrainingMethod, StepResult, Streams, Views
from ftlab.methods.view_pairs import other_views, pair_coefficients, side_by_side
from ftlab.ranks.exchange import Ranks

Partner = Literal["live", "mix_in_constant", "key_constant"]


class SimCLRSettings(Protocol):
    """The settings of SimCLR.

    Attributes:
        temperature: Temperature of InfoNCE, > 0.
        partner: Gradient through the other view of a mixed pair; see `SimCLR`.
    """

    @property
    def temperature(self) -> float: ...  # noqa: D102 - described above

    @property
    def partner(self) -> Partner: ...  # noqa: D102


class PairScores(NamedTuple):
    """The scores of n images on this rank, each of whose two views is an anchor.

    Attributes:
        positive: (2n,), an anchor and the other view of its image.
        negative: (2n, M), an anchor and each negative.
        excluded: (2n, M) bool: the negative holds a view of the anchor's own image.
    """

    positive: Tensor
    negative: Tensor
    excluded: Tensor


@dataclass(frozen=True)
class SimCLRResult(StepResult):
    """The results of a step of SimCLR.

    Attributes:
        before: Scores before FT, without gradient.
        seen: The scores that the loss saw, without gradient.
        transform: The transformation in force.
    """

    before: PairScores
    seen: PairScores
    transform: FeatureTransform


class SimCLR(PretrainingMethod[SimCLRResult]):
    """A simple framework for contrastive learning (arXiv 2002.05709) with feature transformation.

    Each of the 2N views is an anchor; the other view of its image is its positive, the 2N - 2 views of the other images
    of the batch, on all ranks, are its negatives. The loss is the mean over anchors.

    The paper on feature transformation (arXiv 2108.02982, table 7) has SimCLR, but no definition of FT in it is public;
    this one is ours. A pair of views is mixed as MoCo's query and key are, once for both anchors. Negatives are mixed
    with a permutation of the batch's untransformed views; those that hold a view of the anchor's own image are left
    out, which leaves 2N - 4 to 2N - 2. ``partner`` decides on the gradient through the other view of a mixed pair:
    ``live`` all of it; ``mix_in_constant`` none where it is mixed into the anchor; ``key_constant`` none at all, as
    MoCo's keys have none, which halves the pull between positives even with a coefficient of 1.

    Args:
        parts: The parts of the method.
        settings: The settings of SimCLR.
    """

    statistics = SCORE_STATISTICS
    streams: tuple[str, ...] = ("positives", "negatives")
    encoder_name = "encoder_of_views"
    detect_collapse = staticmethod(detect_collapse)

    def __init__(self, parts: MethodParts, settings: SimCLRSettings) -> None:
        super().__init__(parts)
        self.encoder_of_views = parts.make_encoder()
        self.temperature = settings.temperature
        self.partner = settings.partner
        self.streams = group_streams(type(self).streams, self.transform.groups)
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: SimCLRSettings) -> Self:
        """Build SimCLR from its parts and its section of the configuration."""
        return cls(parts, settings)

    def step(self, views: Views, streams: Streams, epoch: int) -> SimCLRResult:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: Two views of each image.
            streams: Coefficients of the ``positives``, coefficients and permutations of the ``negatives``.
            epoch: The 0-based epoch, which decides whether features are transformed.
        """
        transform = self.transform_at(epoch)
        features = self.encode(self.encoder_of_views, side_by_side(views))  # (2n, C)
        batch = self.ranks.gather_with_gradient(features)  # (2N, C)
        seen = self._scores(features, batch, transform, streams)
        loss, negative = self._loss(seen)
        seen = PairScores(*(part.detach() for part in seen))
        before, measured = seen, (score_moments(seen.positive), negative)
        scores = name_moments(*measured, after_ft=True)
        if not transform.is_identity:
            with torch.no_grad():
                before = self._scores(features, batch, FeatureTransform(), streams)
            measured = score_moments(before.positive), moments_per_query(before.negative, before.excluded)
        return SimCLRResult(loss, name_moments(*measured) | scores, before, seen, transform)

    @torch.no_grad()
    def histograms(self, result: SimCLRResult) -> dict[str, ScoreHistogram]:
        """Return the score histograms of a step on all ranks, by score name."""
        before, seen, transform = result.before, result.seen, result.transform
        histograms = {
            POSITIVES: score_histogram(before.positive),
            NEGATIVES: score_histogram(before.negative, excluded=before.excluded),
            SEEN_POSITIVES: score_histogram(seen.positive, transform.positive_range),
            SEEN_NEGATIVES: score_histogram(seen.negative, transform.negative_range, seen.excluded),
        }
        return self.over_ranks(histograms)

    def _loss(self, scores: PairScores) -> Contrast:
        return info_nce_of_scores(scores.positive, scores.negative, self.temperature, scores.excluded)

    def _scores(self, features: Tensor, batch: Tensor, transform: FeatureTransform, streams: Streams) -> PairScores:
        """Return the scores of each group of FT on this rank; a single group is the batch of all ranks."""
        ranks, groups = self.groups_of(transform)
        images = self.ranks.own(torch.arange(len(batch), device=batch.device)) // 2
        parts = zip(groups, features.chunk(len(groups)), images.chunk(len(groups)), strict=True)
        scores = [
            self._group_scores(own, batch, own_images, transform, _streams_of(streams, group), ranks)
            for group, own, own_images in parts
        ]
        return PairScores(*map(join, zip(*scores, strict=True)))

    def _group_scores(
        self,
        features: Tensor,
        batch: Tensor,
        images: Tensor,
        transform: FeatureTransform,
        streams: Streams,
        ranks: Ranks,
    ) -> PairScores:
        anchors, positive = self._pair(features, transform, streams["positives"], ranks)
        bank = transform.mix_negatives(batch, generator=streams["negatives"])
        asking = anchors if transform.query_for_negatives == "transformed" else features
        excluded = (bank.rows // 2 == images[:, None, None]).any(dim=2)
        return PairScores(positive, asking @ bank.features.T, excluded)

    def _pair(
        self, features: Tensor, transform: FeatureTransform, stream: torch.Generator, ranks: Ranks
    ) -> tuple[Tensor, Tensor]:
        """Return the (2n, C) anchors, mixed if positives are, and the (2n,) scores of their positives."""
        others = other_views(features)
        if transform.positives is None:
            return features, (features * others).sum(dim=1)
        shares = pair_coefficients(transform.positives, features, generator=stream, ranks=ranks)
        mixed_in = others if self.partner == "live" else others.detach()
        anchors = transform.scaled(mix(features, mixed_in, shares))
        if self.partner == "key_constant":
            partners = transform.scaled(mix(mixed_in, features, shares))
        else:
            partners = other_views(anchors)
        return anchors, (anchors * partners).sum(dim=1)


def _streams_of(streams: Streams, group: int) -> Streams:
    return {name: streams[group_stream(name, group)] for name in SimCLR.streams}
