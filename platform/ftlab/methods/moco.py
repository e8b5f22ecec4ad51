"""MoCo with feature transformation: one pretraining step that reads like the paper's algorithm."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.contrast.loss import contrastive_scores, info_nce
from ftlab.contrast.momentum import update_key_parameters
from ftlab.contrast.queue import NegativeQueue
from ftlab.contrast.score_statistics import (
    AFTER_FT,
    NEGATIVE_MEAN,
    NEGATIVE_VARIANCE,
    NEGATIVES,
    POSITIVE_MEAN,
    POSITIVE_VARIANCE,
    POSITIVES,
    SCORE_STATISTICS,
    SEEN_NEGATIVES,
    SEEN_POSITIVES,
)
from ftlab.contrast.scores import Moments, negative_moments, score_histogram, score_moments
from ftlab.contrast.transform import FeatureTransform, TransformedFeatures
from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.encoders.compilation import Compilation
from ftlab.encoders.encoder import Encoder
from ftlab.ranks.exchange import ALONE, Ranks


class Views(NamedTuple):
    """Two views of each image of a batch of N; of each kind, this rank holds n.

    Attributes:
        queries: (n, channels, H, W), in the order of the batch.
        keys: (n, channels, H, W), in the order ``key_order``.
        key_order: (N,) int64 on the views' device: the places in the batch in the order in which keys are encoded, and
            so meet the groups of batch normalisation.
    """

    queries: Tensor
    keys: Tensor
    key_order: Tensor


@dataclass(frozen=True)
class StepStreams:
    """Generators of one epoch's steps, on the training device.

    Attributes:
        positives: Coefficients of the positives' transformation.
        negatives: Coefficients and permutations of the negatives' transformation.
    """

    positives: torch.Generator
    negatives: torch.Generator


class StepResult(NamedTuple):
    """The results of a step before the optimiser moved anything, from this rank's n of the N rows.

    Attributes:
        loss: Scalar with gradient.
        queries: (n, C) unit vectors, without gradient.
        keys: (N, C) unit vectors of all ranks, untransformed; the queue will hold them.
        transformed: The features that the loss saw, without gradient.
        scores: Score statistics by name, before and after FT, as float64 scalars on the device.
    """

    loss: Tensor
    queries: Tensor
    keys: Tensor
    transformed: TransformedFeatures
    scores: Mapping[str, Tensor]


class MoCo(nn.Module):
    """Momentum contrast (arXiv 1911.05722; v2: 2003.04297) with feature transformation (arXiv 2108.02982).

    Args:
        encoder: The query encoder; the key encoder starts as its copy.
        queue: K negatives of dimension C.
        key_momentum: m of the key encoder's moving average, in [0, 1].
        temperature: Temperature of InfoNCE, > 0.
        transform: Feature transformation of the epochs in ``transform_epochs``.
        transform_epochs: 0-based epochs that FT takes part in.
        precision: Precision of the encoders' forward pass; features, scores and loss are float32.
        ranks: The processes that train together. Each holds the whole queue and both encoders, and encodes its part of
            a batch; all enqueue the keys of all.
    """

    statistics = SCORE_STATISTICS

    def __init__(
        self,
        encoder: Encoder,
        queue: NegativeQueue,
        *,
        key_momentum: float,
        temperature: float,
        transform: FeatureTransform,
        transform_epochs: range,
        precision: torch.dtype = torch.float32,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.queue = queue
        self.key_momentum = key_momentum
        self.temperature = temperature
        self.transform = transform
        self.transform_epochs = transform_epochs
        self.precision = precision
        self.ranks = ranks
        self._compilations: list[Compilation] = []
        self._query_parameters = list(self.query_encoder.parameters())
        self._key_parameters = list(self.key_encoder.parameters())
        for norm in self._norms():
            norm.own_groups = ranks.own_part(norm.num_groups)

    def compile_encoders(self, mode: str | None = None) -> None:
        """Send both encoders through torch.compile; see `Compilation`.

        Args:
            mode: Mode of ``torch.compile``.
        """
        self._compilations = [Compilation(encoder, mode) for encoder in (self.query_encoder, self.key_encoder)]

    @property
    def compilation_failure(self) -> str:
        """Beginning of the compiler's error message if the encoders run eagerly because of it; else empty."""
        return next((compilation.failure for compilation in self._compilations if compilation.failure), "")

    def transform_at(self, epoch: int) -> FeatureTransform:
        """Return the transformation in force in the 0-based ``epoch``."""
        return self.transform if epoch in self.transform_epochs else FeatureTransform()

    def step(self, views: Views, streams: StepStreams, transform: FeatureTransform) -> StepResult:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: The views to encode.
            streams: Randomness of the step.
            transform: Feature transformation of the step.
        """
        queries = self._encode(self.query_encoder, views.queries)  # (n, C)
        keys = self._encode_keys(views)  # (N, C), no gradient
        own_keys = self.ranks.own(keys)  # (n, C), those of the queries
        seen = transform(
            queries,
            own_keys,
            self.queue.keys,
            positive_generator=streams.positives,
            negative_generator=streams.negatives,
            ranks=self.ranks,
        )
        loss, negative = info_nce(*seen, self.temperature)
        queries, seen = queries.detach(), TransformedFeatures(*(features.detach() for features in seen))
        scores = self._measure(queries, own_keys, seen, negative, transform)
        return StepResult(loss, queries, keys, seen, scores)

    @torch.no_grad()
    def update(self, keys: Tensor) -> None:
        """Follow the optimiser's step: move the key encoder, then enqueue the untransformed (N, C) keys."""
        update_key_parameters(self._key_parameters, self._query_parameters, self.key_momentum)
        self.queue.enqueue(keys)

    @torch.no_grad()
    def histograms(self, result: StepResult) -> dict[str, Tensor]:
        """Return the score histograms of a step on all ranks, before its keys are enqueued, by score name."""
        before = contrastive_scores(result.queries, self.ranks.own(result.keys), result.queries, self.queue.keys)
        seen = contrastive_scores(*result.transformed)
        scores = {
            POSITIVES: before[:, :1],
            NEGATIVES: before[:, 1:],
            SEEN_POSITIVES: seen[:, :1],
            SEEN_NEGATIVES: seen[:, 1:],
        }
        return {name: self.ranks.sum(score_histogram(values)) for name, values in scores.items()}

    @torch.no_grad()
    def complete_statistics(self) -> None:
        """Give every rank the running statistics of all groups, as probes and checkpoints need them."""
        if self.ranks.size == 1:
            return
        buffers = [buffer for norm in self._norms() for buffer in (norm.running_mean, norm.running_var)]
        # All buffers side by side, (G, sum of their features): one exchange.
        together = torch.cat(buffers, dim=1)
        complete = self.ranks.gather(self.ranks.own(together))
        parts = torch.split(complete, [buffer.shape[1] for buffer in buffers], dim=1)
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part)

    def _norms(self) -> Iterator[GroupedBatchNorm]:
        return (module for module in self.modules() if isinstance(module, GroupedBatchNorm))

    def _encode(self, encoder: Encoder, views: Tensor) -> Tensor:
        with torch.autocast(views.device.type, self.precision, enabled=self.precision != torch.float32):
            projections = encoder(views)
        return F.normalize(projections.float())

    @torch.no_grad()
    def _encode_keys(self, views: Views) -> Tensor:
        shuffled = self.ranks.gather(self._encode(self.key_encoder, views.keys))
        keys = torch.empty_like(shuffled)
        keys[views.key_order] = shuffled
        return keys

    @torch.no_grad()
    def _measure(
        self, queries: Tensor, keys: Tensor, seen: TransformedFeatures, negative: Moments, transform: FeatureTransform
    ) -> dict[str, Tensor]:
        queue = self.queue
        positive = score_moments((queries * keys).sum(dim=1))
        exact = negative_moments(queries, queue.key_sum, queue.key_gram, queue.size)
        before = _named(positive, exact)
        if not transform.is_identity:
            positive, exact = score_moments((seen.queries * seen.keys).sum(dim=1)), negative
        return before | {name + AFTER_FT: value for name, value in _named(positive, exact).items()}


def _named(positive: Moments, negative: Moments) -> dict[str, Tensor]:
    return {
        POSITIVE_MEAN: positive.mean,
        POSITIVE_VARIANCE: positive.variance,
        NEGATIVE_MEAN: negative.mean,
        NEGATIVE_VARIANCE: negative.variance,
    }
