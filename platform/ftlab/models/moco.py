"""MoCo with feature transformation: one pretraining step that reads like the paper's algorithm."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.method.contrast import contrastive_scores, info_nce
from ftlab.method.momentum import update_key_parameters
from ftlab.method.queue import NegativeQueue
from ftlab.method.scores import StepScores, negative_moments, score_histogram, score_moments
from ftlab.method.transform import FeatureTransform, TransformedFeatures
from ftlab.models.encoder import Encoder


@dataclass(frozen=True)
class StepStreams:
    """Generators of one epoch's steps, on the training device.

    Attributes:
        shuffle: Order in which keys meet the groups of batch normalisation.
        positives: Coefficients of the positives' transformation.
        negatives: Coefficients and permutations of the negatives' transformation.
    """

    shuffle: torch.Generator
    positives: torch.Generator
    negatives: torch.Generator


class StepResult(NamedTuple):
    """What a step computed before the optimiser moved anything.

    Attributes:
        loss: Scalar with gradient.
        queries: (N, C) unit vectors, without gradient.
        keys: (N, C) unit vectors, untransformed: what the queue will hold.
        transformed: What the loss saw.
        loss_scores: (N, 1 + K) scores that the loss saw, without gradient.
        scores: Score statistics before and after FT.
    """

    loss: Tensor
    queries: Tensor
    keys: Tensor
    transformed: TransformedFeatures
    loss_scores: Tensor
    scores: StepScores


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
    """

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
        self._query_parameters = list(self.query_encoder.parameters())
        self._key_parameters = list(self.key_encoder.parameters())

    def compile_encoders(self) -> None:
        """Send both encoders through torch.compile; parameters and checkpoints keep their names."""
        self.query_encoder.compile()
        self.key_encoder.compile()

    def transform_at(self, epoch: int) -> FeatureTransform:
        """Return the transformation in force in the 0-based ``epoch``."""
        return self.transform if epoch in self.transform_epochs else FeatureTransform()

    def step(self, views: Tensor, streams: StepStreams, transform: FeatureTransform) -> StepResult:
        """Compute the loss of one batch.

        Args:
            views: (2N, channels, H, W): N query views, then the N key views of the same images.
            streams: Randomness of the step.
            transform: Feature transformation of the step.
        """
        query_views, key_views = views.chunk(2)
        queries = self._encode(self.query_encoder, query_views)  # (N, C)
        keys = self._encode_shuffled(key_views, streams.shuffle)  # (N, C), no gradient
        seen = transform(
            queries,
            keys,
            self.queue.keys,
            positive_generator=streams.positives,
            negative_generator=streams.negatives,
        )
        loss_scores = contrastive_scores(*seen)  # (N, 1 + K)
        loss = info_nce(loss_scores, self.temperature)
        queries, loss_scores = queries.detach(), loss_scores.detach()
        scores = self._measure(queries, keys, loss_scores, transform)
        return StepResult(loss, queries, keys, seen, loss_scores, scores)

    @torch.no_grad()
    def update(self, keys: Tensor) -> None:
        """Follow the optimiser's step: move the key encoder, then enqueue the untransformed (N, C) keys."""
        update_key_parameters(self._key_parameters, self._query_parameters, self.key_momentum)
        self.queue.enqueue(keys)

    @torch.no_grad()
    def histograms(self, result: StepResult) -> dict[str, Tensor]:
        """Return the score histograms of a step, before its keys are enqueued, by score name."""
        before = contrastive_scores(result.queries, result.keys, result.queries, self.queue.keys)
        return {
            "scores/positive": score_histogram(before[:, :1]),
            "scores/negative": score_histogram(before[:, 1:]),
            "scores/positive_transformed": score_histogram(result.loss_scores[:, :1]),
            "scores/negative_transformed": score_histogram(result.loss_scores[:, 1:]),
        }

    def _encode(self, encoder: Encoder, views: Tensor) -> Tensor:
        with torch.autocast(views.device.type, self.precision, enabled=self.precision != torch.float32):
            projections = encoder(views)
        return F.normalize(projections.float())

    @torch.no_grad()
    def _encode_shuffled(self, key_views: Tensor, generator: torch.Generator) -> Tensor:
        permutation = torch.randperm(key_views.shape[0], generator=generator, device=key_views.device)
        shuffled = self._encode(self.key_encoder, key_views[permutation])
        keys = torch.empty_like(shuffled)
        keys[permutation] = shuffled
        return keys

    def _measure(self, queries: Tensor, keys: Tensor, loss_scores: Tensor, transform: FeatureTransform) -> StepScores:
        queue = self.queue
        positive = score_moments((queries * keys).sum(dim=1))
        negative = negative_moments(queries, queue.key_sum, queue.key_gram, queue.size)
        if transform.is_identity:
            return StepScores(positive, negative, positive, negative)
        return StepScores(positive, negative, score_moments(loss_scores[:, :1]), score_moments(loss_scores[:, 1:]))
