"""MoCo with feature transformation: one pretraining step that reads like the paper's algorithm."""

import copy
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

import torch
from torch import Tensor

from ftlab.contrast.hard_negatives import OwnNegatives
from ftlab.contrast.loss import contrastive_scores, info_nce
from ftlab.contrast.momentum import update_key_parameters
from ftlab.contrast.queue import NegativeQueue
from ftlab.contrast.score_statistics import (
    NEGATIVES,
    POSITIVES,
    SCORE_STATISTICS,
    SEEN_NEGATIVES,
    SEEN_POSITIVES,
)
from ftlab.contrast.scores import (
    Moments,
    ScoreHistogram,
    detect_collapse,
    mean_moments,
    name_moments,
    negative_moments,
    score_histogram,
    score_moments,
)
from ftlab.contrast.transform import FeatureTransform, TransformedFeatures, group_stream, group_streams
from ftlab.methods.batch_parts import cut, join, mean_of
from ftlab.methods.method import MethodParts, PretrainingMethod, StepResult, Streams, Views
from ftlab.ranks.exchange import Ranks


class MoCoSettings(Protocol):
    """The settings of MoCo.

    Attributes:
        queue_size: K, the number of negatives.
        key_momentum: m of the key encoder's moving average, in [0, 1].
        temperature: Temperature of InfoNCE, > 0.
        symmetric: Whether each of the two views is a query once and a key once.
    """

    @property
    def queue_size(self) -> int: ...  # noqa: D102 - described above

    @property
    def key_momentum(self) -> float: ...  # noqa: D102

    @property
    def temperature(self) -> float: ...  # noqa: D102

    @property
    def symmetric(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class MoCoResult(StepResult):
    """The results of a step of MoCo. With a symmetric loss, n and N count both directions, one after the other.

    Attributes:
        queries: (n, C) unit vectors, without gradient.
        own_keys: (n, C) unit vectors, untransformed, the key of each query.
        keys: (N, C) unit vectors of all ranks, untransformed; the queue will hold them.
        positives: (n, C), what each query is drawn to, untransformed: its own key, unless batches are mixed.
        transformed: The features that the loss saw, without gradient, of each group of FT on this rank.
        own_negatives: The negatives of each query alone, of each group; None if there are none.
        transform: The transformation in force.
    """

    queries: Tensor
    own_keys: Tensor
    keys: Tensor
    positives: Tensor
    transformed: tuple[TransformedFeatures, ...]
    own_negatives: tuple[OwnNegatives | None, ...]
    transform: FeatureTransform


class MoCo(PretrainingMethod[MoCoResult]):
    """Momentum contrast (arXiv 1911.05722; v2: 2003.04297) with feature transformation (arXiv 2108.02982).

    What it is compared with is composed with it: hard negative mixing as a transformation (arXiv 2010.01028), Un-Mix
    (2003.05438) and i-Mix (2010.08887) as mixing of batches.

    With several ranks, each holds the whole queue and both encoders, and encodes its part of a batch; all enqueue the
    keys of all.

    A symmetric loss (arXiv 2104.02057, there without a queue) is the mean of two: both views are encoded by both
    encoders, and each view's queries are contrasted with the keys of the other. Both directions meet the queue as it
    was before the step, since its new keys are of the queries' own images. As in the CIFAR-10 demo of
    facebookresearch/moco, one queue gets the keys of both views, so that K keys are those of half as many steps; there
    the losses are summed, which doubles the learning rate. The second view is in its random order for both encoders,
    the first in that of the batch: a query and its key meet other groups of batch normalisation in both directions.
    With FT, each direction draws coefficients and permutations of its own.

    Args:
        parts: The parts of the method. The key encoder starts as a copy of the query encoder.
        settings: The settings of MoCo.
    """

    statistics = SCORE_STATISTICS
    streams: tuple[str, ...] = ("positives", "negatives")
    shuffles_views = True
    encoder_name = "query_encoder"
    detect_collapse = staticmethod(detect_collapse)

    def __init__(self, parts: MethodParts, settings: MoCoSettings) -> None:
        super().__init__(parts)
        self.query_encoder = parts.make_encoder()
        self.key_encoder = copy.deepcopy(self.query_encoder).requires_grad_(False)
        self.queue = NegativeQueue(settings.queue_size, parts.feature_dim, generator=parts.make_generator("queue"))
        self.key_momentum = settings.key_momentum
        self.temperature = settings.temperature
        self.num_directions = 2 if settings.symmetric else 1
        self.mixing = parts.mixing
        self.mixing.attach(self.query_encoder)
        groups = self.num_directions * self.transform.groups
        self.streams = (*group_streams(type(self).streams, groups), *self.mixing.streams)
        self._query_parameters = list(self.query_encoder.parameters())
        self._key_parameters = list(self.key_encoder.parameters())
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: MoCoSettings) -> Self:
        """Build MoCo from its parts and its section of the configuration."""
        return cls(parts, settings)

    def step(self, views: Views, streams: Streams, epoch: int) -> MoCoResult:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: Query views, and key views in the order in which they meet the groups of batch normalisation.
            streams: Coefficients of the ``positives``, coefficients and permutations of the ``negatives``.
            epoch: The 0-based epoch, which decides whether features are transformed.
        """
        transform, encode = self.transform_at(epoch), partial(self.encode, self.query_encoder)
        asking = views.images[: self.num_directions]
        encoded, targets = zip(*(self.mixing.encode_queries(images, encode, streams) for images in asking), strict=True)
        queries = join(encoded)  # (n, C), those of the second direction behind those of the first
        keys, own_keys = self._encode_keys(views)  # (N, C) and (n, C), no gradient
        positives = targets[0](own_keys)
        seen = self._transform(queries, positives, transform, streams)
        hardest = self._mix_hardest(queries, transform, streams)
        candidates = keys if self.mixing.finds_in_batch else None
        contrasts = (
            info_nce(*features, self.temperature, own, candidates) for features, own in zip(seen, hardest, strict=True)
        )
        losses, negatives = zip(*contrasts, strict=True)
        loss = self.mixing.add_loss(
            mean_of(losses), views.images[0], encode, partial(self._contrast, own_keys, seen), streams
        )
        queries = queries.detach()
        seen = tuple(TransformedFeatures(*(part.detach() for part in features)) for features in seen)
        scores = self._measure(queries, positives, seen, negatives, transform)
        return MoCoResult(loss, scores, queries, own_keys, keys, positives, seen, hardest, transform)

    @torch.no_grad()
    def update(self, result: MoCoResult) -> None:
        """Move the key encoder, then enqueue the untransformed keys."""
        update_key_parameters(self._key_parameters, self._query_parameters, self.key_momentum)
        self.queue.enqueue(result.keys)

    @torch.no_grad()
    def histograms(self, result: MoCoResult) -> dict[str, ScoreHistogram]:
        """Return the score histograms of a step on all ranks, before its keys are enqueued, by score name."""
        before = contrastive_scores(result.queries, result.positives, result.queries, self.queue.keys)
        groups = zip(result.transformed, result.own_negatives, strict=True)
        seen = join([_seen_scores(features, own) for features, own in groups])
        histograms = {
            POSITIVES: score_histogram(before[:, :1]),
            NEGATIVES: score_histogram(before[:, 1:]),
            SEEN_POSITIVES: score_histogram(seen[:, :1], result.transform.positive_range),
            SEEN_NEGATIVES: score_histogram(seen[:, 1:], result.transform.negative_range),
        }
        return self.over_ranks(histograms)

    def _transform(
        self, queries: Tensor, keys: Tensor, transform: FeatureTransform, streams: Streams
    ) -> tuple[TransformedFeatures, ...]:
        """Transform the (n, C) features of each group on this rank."""
        ranks, groups = self._directed_groups(transform)
        parts = zip(groups, cut(queries, len(groups)), cut(keys, len(groups)), strict=True)
        return tuple(
            transform(
                own_queries,
                own_keys,
                self.queue.keys,
                positive_generator=streams[group_stream("positives", group)],
                negative_generator=streams[group_stream("negatives", group)],
                ranks=ranks,
            )
            for group, own_queries, own_keys in parts
        )

    def _mix_hardest(
        self, queries: Tensor, transform: FeatureTransform, streams: Streams
    ) -> tuple[OwnNegatives | None, ...]:
        """Mix the hardest negatives of the (n, C) untransformed queries of each group on this rank."""
        ranks, groups = self._directed_groups(transform)
        if transform.hardest is None:
            return (None,) * len(groups)
        return tuple(
            transform.hardest(own, self.queue.keys, generator=streams[group_stream("negatives", group)], ranks=ranks)
            for group, own in zip(groups, cut(queries, len(groups)), strict=True)
        )

    def _directed_groups(self, transform: FeatureTransform) -> tuple[Ranks, list[int]]:
        """Return `groups_of` FT with those of the second direction behind those of the first."""
        ranks, own = self.groups_of(transform)
        return ranks, [first * transform.groups + group for first in range(self.num_directions) for group in own]

    def _contrast(self, keys: Tensor, seen: tuple[TransformedFeatures, ...], queries: Tensor) -> Tensor:
        """Return the loss of further (n, C) queries of the keys against the negatives that each group has seen."""
        groups = zip(queries.chunk(len(seen)), keys.chunk(len(seen)), seen, strict=True)
        losses = [
            info_nce(own_queries, own_keys, own_queries, features.negatives, self.temperature).loss
            for own_queries, own_keys, features in groups
        ]
        return mean_of(losses)

    @torch.no_grad()
    def _encode_keys(self, views: Views) -> tuple[Tensor, Tensor]:
        """Return the (N, C) keys of all ranks in the order of the batch, and the (n, C) keys of this rank's queries."""
        shuffled = self.ranks.gather(self.encode(self.key_encoder, views.images[1]))
        keys = torch.empty_like(shuffled).index_copy_(0, views.order, shuffled)
        if self.num_directions == 1:
            return keys, self.ranks.own(keys)
        others = self.ranks.gather(self.encode(self.key_encoder, views.images[0]))
        own_keys = torch.cat([self.ranks.own(keys), others[self.ranks.own(views.order)]])
        return torch.cat([keys, others]), own_keys

    @torch.no_grad()
    def _measure(
        self,
        queries: Tensor,
        keys: Tensor,
        seen: tuple[TransformedFeatures, ...],
        negatives: tuple[Moments, ...],
        transform: FeatureTransform,
    ) -> dict[str, Tensor]:
        queue = self.queue
        positive = score_moments((queries * keys).sum(dim=1))
        exact = negative_moments(queries, queue.key_sum, queue.key_gram, queue.size)
        before = name_moments(positive, exact)
        if not transform.is_identity:
            scores = join([(features.queries * features.keys).sum(dim=1) for features in seen])
            positive, exact = score_moments(scores), mean_moments(negatives)
        return before | name_moments(positive, exact, after_ft=True)


def _seen_scores(features: TransformedFeatures, own_negatives: OwnNegatives | None) -> Tensor:
    """Return the (n, 1 + M) scores of all that the loss saw, the positive in column 0."""
    scores = contrastive_scores(*features)
    return scores if own_negatives is None else torch.cat([scores, own_negatives.scores(features.negative_queries)], 1)
