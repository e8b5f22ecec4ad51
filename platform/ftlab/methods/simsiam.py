"""SimSiam with feature transformation: each view predicts the projection of the other, and nothing is a negative."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.contrast.score_statistics import (
    COLLAPSED_STD,
    POSITIVE_STATISTICS,
    POSITIVES,
    PROJECTION_STD,
    SEEN_POSITIVES,
    ScoreStatistic,
)
from ftlab.contrast.scores import CollapseVerdict, ScoreHistogram, name_moments, score_histogram, score_moments
from ftlab.contrast.transform import FeatureTransform, group_stream, group_streams
from ftlab.encoders.encoder import make_mlp
from ftlab.methods.batch_parts import cut, join
from ftlab.methods.method import MethodParts, ParameterGroup, PretrainingMethod, StepResult, Streams, Views


class SimSiamSettings(Protocol):
    """The settings of SimSiam.

    Attributes:
        projector_layers: Linear layers of the projector, >= 2.
        head_width: Width of its hidden layers.
        predictor_width: Width of the predictor's hidden layer.
        predictor_rate: Learning rate of the predictor: the peak throughout, or that of the encoder.
        loss_scale: Factor of the loss in some epochs, > 0.
    """

    @property
    def projector_layers(self) -> int: ...  # noqa: D102 - described above

    @property
    def head_width(self) -> int: ...  # noqa: D102

    @property
    def predictor_width(self) -> int: ...  # noqa: D102

    @property
    def predictor_rate(self) -> Literal["constant", "scheduled"]: ...  # noqa: D102

    @property
    def loss_scale(self) -> float: ...  # noqa: D102

    def scaled_epochs(self, epochs: int) -> range:
        """Return the 0-based epochs in which the loss has its factor, out of ``epochs``."""
        ...


class ViewFeatures(NamedTuple):
    """The features of a view of n images on this rank, as unit vectors.

    Attributes:
        predictions: (n, C), p, with gradient.
        projections: (n, C), z, without: the stop-gradient.
    """

    predictions: Tensor
    projections: Tensor


@dataclass(frozen=True)
class SimSiamResult(StepResult):
    """The results of a step of SimSiam.

    Attributes:
        before: (2n,) scores before FT, of the first views' predictions and then of the second views', without gradient.
        seen: The scores that the loss saw, without gradient.
        transform: The transformation in force.
    """

    before: Tensor
    seen: Tensor
    transform: FeatureTransform


class SimSiam(PretrainingMethod[SimSiamResult]):
    """Simple siamese representation learning (arXiv 2011.10566) with feature transformation.

    Each view goes through encoder and predictor by itself, ``z = encoder(view)`` and ``p = predictor(z)``. The loss is
    the mean over both directions of ``-p . z`` for the unit vectors of one view's prediction and the other view's
    projection, through which no gradient flows. The projector ends with batch normalisation without scale and shift.
    The predictor's learning rate does not decay, unless told otherwise.

    The paper on feature transformation (arXiv 2108.02982, table 7) has SimSiam, but no definition of FT in it is
    public; this one is ours, MoCo's with the prediction as query and the constant projection as key::

        p' = l p + (1 - l) z    z' = l z + (1 - l) p    score p' . z'

    The score is a dot product, since a cosine would renormalise. Each direction of a step draws its own coefficients.
    Nothing but positives can be mixed. As the loss is linear in the scores, FT with one coefficient l a step is exactly
    the plain loss times ``1 + 2 l (l - 1)``, plus a constant: a random factor of the learning rate. So compare it with
    the plain loss times the mean of that factor, 2.6 for extrapolation by l = 1 + Beta(2, 2), by ``loss_scale``.

    Args:
        parts: The parts of the method.
        settings: The settings of SimSiam.
    """

    statistics = (*POSITIVE_STATISTICS, ScoreStatistic(PROJECTION_STD, "deviation of projections"))
    streams: tuple[str, ...] = ("positives", "mirrored positives")
    encoder_name = "encoder_of_views"

    def __init__(self, parts: MethodParts, settings: SimSiamSettings) -> None:
        super().__init__(parts)
        dim, hidden = parts.feature_dim, [settings.head_width] * (settings.projector_layers - 1)

        def make_projector(num_features: int) -> nn.Module:
            return make_mlp([num_features, *hidden, dim], parts.bn_groups, ends_normalised=True)

        def make_predictor() -> nn.Module:
            return make_mlp([dim, settings.predictor_width, dim], parts.bn_groups)

        self.encoder_of_views = parts.make_encoder(make_projector)
        self.predictor = parts.seeded("predictor", make_predictor)
        self.predictor_is_scheduled = settings.predictor_rate == "scheduled"
        self.loss_scale = settings.loss_scale
        self.scaled_epochs = settings.scaled_epochs(parts.epochs)
        self.streams = group_streams(type(self).streams, self.transform.groups)
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: SimSiamSettings) -> Self:
        """Build SimSiam from its parts and its section of the configuration."""
        return cls(parts, settings)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters of the encoder, and those of the predictor."""
        predictor = list(self.predictor.parameters())
        return [*super().parameter_groups(), ParameterGroup(predictor, follows_schedule=self.predictor_is_scheduled)]

    def step(self, views: Views, streams: Streams, epoch: int) -> SimSiamResult:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: Two views of each image.
            streams: Coefficients of each direction, ``positives`` and ``mirrored positives``.
            epoch: The 0-based epoch, which decides whether features are transformed, and whether the loss is scaled.
        """
        transform = self.transform_at(epoch)
        first, second = (self._encode_view(images) for images in views.images[:2])
        seen = self._scores(first, second, transform, streams)
        loss = -seen.mean() * (self.loss_scale if epoch in self.scaled_epochs else 1.0)
        before = seen = seen.detach()
        if not transform.is_identity:
            with torch.no_grad():
                before = self._scores(first, second, FeatureTransform(), streams)
        scores = name_moments(score_moments(before)) | name_moments(score_moments(seen), after_ft=True)
        return SimSiamResult(loss, scores | {PROJECTION_STD: self._spread(first, second)}, before, seen, transform)

    @torch.no_grad()
    def histograms(self, result: SimSiamResult) -> dict[str, ScoreHistogram]:
        """Return the score histograms of a step on all ranks, by score name."""
        histograms = {
            POSITIVES: score_histogram(result.before),
            SEEN_POSITIVES: score_histogram(result.seen, result.transform.positive_range),
        }
        return self.over_ranks(histograms)

    @staticmethod
    def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
        """Judge by the deviation of the projections, since the loss of a collapse, -1, is also that of perfect views.

        Args:
            metrics: `PROJECTION_STD` of an epoch; below `COLLAPSED_STD` the projections are nearly one.
        """
        deviation = metrics[PROJECTION_STD]
        if deviation >= COLLAPSED_STD:
            return CollapseVerdict(False)
        return CollapseVerdict(True, f"projections deviate by only {deviation:.3f}, where 1 is spread over the sphere")

    def _encode_view(self, images: Tensor) -> ViewFeatures:
        projections = self.project(self.encoder_of_views, images)
        return ViewFeatures(self.encode(self.predictor, projections), F.normalize(projections.detach()))

    def _scores(
        self, first: ViewFeatures, second: ViewFeatures, transform: FeatureTransform, streams: Streams
    ) -> Tensor:
        """Return the (2n,) scores of each view's predictions with the other view's projections."""
        pairs = ((first.predictions, second.projections), (second.predictions, first.projections))
        names = type(self).streams
        mixed = (self._mix(*pair, transform, streams, name) for pair, name in zip(pairs, names, strict=True))
        return torch.cat([(predictions * projections).sum(dim=1) for predictions, projections in mixed])

    def _mix(
        self, predictions: Tensor, projections: Tensor, transform: FeatureTransform, streams: Streams, name: str
    ) -> tuple[Tensor, Tensor]:
        """Return (n, C) pairs, mixed if positives are, each group of FT on this rank with draws of its own."""
        if transform.positives is None:
            return predictions, projections
        ranks, groups = self.groups_of(transform)
        parts = zip(groups, cut(predictions, len(groups)), cut(projections, len(groups)), strict=True)
        mixed = [
            transform.positives(own, others, generator=streams[group_stream(name, group)], ranks=ranks)
            for group, own, others in parts
        ]
        queries, keys = (transform.scaled(join(rows)) for rows in zip(*mixed, strict=True))
        return queries, keys

    @torch.no_grad()
    def _spread(self, *views: ViewFeatures) -> Tensor:
        """Return `PROJECTION_STD` of the N images of all ranks, the mean over the views."""
        everyone = self.ranks.gather(torch.stack([view.projections for view in views], dim=1))  # (N, 2, C)
        deviation: Tensor = everyone.double().std(dim=0, correction=0).mean() * everyone.shape[2] ** 0.5
        return deviation
