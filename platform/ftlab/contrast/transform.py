"""Feature transformation (FT): positive extrapolation and negative interpolation (arXiv 2108.02982, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.hard_negatives import HardNegativeMixing
from ftlab.contrast.score_statistics import COSINE_RANGE
from ftlab.ranks.exchange import ALONE, Ranks

Granularity = Literal["batch", "sample", "dimension", "element"]


def sample_symmetric_beta(alpha: float, shape: tuple[int, ...], *, generator: torch.Generator) -> Tensor:
    """Draw from Beta(alpha, alpha) on the generator's device, without rejection and without a host copy.

    Two uniforms give one draw exactly, for every alpha > 0: Devroye, "Random variate generation in one line of code"
    (1996), from Ulrich's and Bailey's polar method for symmetric beta and Student's t.

    Args:
        alpha: Both parameters of the distribution, > 0.
        shape: Shape of the result.
        generator: Source of the uniforms.

    Returns:
        float32 tensor of ``shape`` with values in [0, 1].
    """
    device = generator.device
    radius = 1.0 - torch.rand(shape, generator=generator, device=device)  # (0, 1]
    cosine = torch.cos(2.0 * pi * torch.rand(shape, generator=generator, device=device))
    log_power = torch.log(radius) / alpha
    # abs and not a minus sign: at a radius of 1, one in 2^24 draws, -expm1(0) is -0 and the draw would be NaN.
    inverse = torch.exp(log_power) / torch.expm1(log_power).abs()
    # The quotient may round to a hair beyond 1.
    return (0.5 + 0.5 * cosine / torch.sqrt(cosine * cosine + inverse)).clamp_(0.0, 1.0)


def sample_coefficients(
    alpha: float,
    bounds: tuple[float, float],
    shape: tuple[int, int],
    granularity: Granularity,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Draw the mixing coefficient lambda = low + (high - low) * Beta(alpha, alpha).

    Args:
        alpha: Both parameters of the Beta distribution, > 0.
        bounds: (low, high): (0, 1) interpolates, (1, 2) extrapolates.
        shape: (rows, C) of the features to be mixed.
        granularity: Extent of one coefficient: ``batch`` everything, ``sample`` a row, ``dimension`` a column,
            ``element`` a single element.
        generator: Source of randomness; its device is the result's.

    Returns:
        A float32 tensor that broadcasts to ``shape``.
    """
    rows, columns = shape
    shapes = {"batch": (1, 1), "sample": (rows, 1), "dimension": (1, columns), "element": (rows, columns)}
    low, high = bounds
    return low + (high - low) * sample_symmetric_beta(alpha, shapes[granularity], generator=generator)


def mix(first: Tensor, second: Tensor, coefficients: Tensor) -> Tensor:
    """Return ``lambda * first + (1 - lambda) * second``, gradients flowing through whichever input has one.

    Args:
        first: (rows, C).
        second: (rows, C).
        coefficients: lambda, broadcastable to (rows, C).
    """
    return torch.lerp(second, first, coefficients)


def _largest_norm(bounds: tuple[float, float], granularity: Granularity) -> float:
    """Return the largest norm of ``l z + (1 - l) z'`` for unit vectors and coefficients within bounds."""
    # A coefficient per dimension can pick the larger part of each: of (1, 0) and (0, 1) it makes (1, 1).
    interpolated = sqrt(2.0) if granularity in ("dimension", "element") and bounds[0] < 1.0 else 1.0
    return max(2.0 * bounds[1] - 1.0, interpolated)


class TransformedFeatures(NamedTuple):
    """The features that the loss sees.

    Attributes:
        queries: (N, C), with gradient.
        keys: (N, C); with gradient where they mix in the query.
        negative_queries: (N, C), scored against ``negatives``.
        negatives: (K, C), or (2K, C) for the union with the originals.
    """

    queries: Tensor
    keys: Tensor
    negative_queries: Tensor
    negatives: Tensor


@dataclass(frozen=True)
class PositiveTransform:
    """Mix each query with its key: ``z_q' = l z_q + (1 - l) z_k`` and ``z_k' = l z_k + (1 - l) z_q``.

    With l in [1, 2] this extrapolates, and ``S' = 2 l (1 - l) (1 - S) + S <= S``: the positive becomes harder.
    With l in [0, 1] it interpolates. The result is not renormalised.

    Attributes:
        alpha: Beta(alpha, alpha) of the coefficient.
        bounds: (low, high) of the coefficient.
        granularity: Extent of one coefficient.
    """

    alpha: float
    bounds: tuple[float, float]
    granularity: Granularity = "batch"

    @property
    def largest_norm(self) -> float:
        """The largest norm of a mixed unit vector."""
        return _largest_norm(self.bounds, self.granularity)

    def __call__(
        self, queries: Tensor, keys: Tensor, *, generator: torch.Generator, ranks: Ranks = ALONE
    ) -> tuple[Tensor, Tensor]:
        """Return the mixed (n, C) queries and keys; gradient flows through the queries into both.

        Args:
            queries: (n, C), this rank's part of the batch.
            keys: (n, C), likewise.
            generator: Source of the coefficients of the whole batch.
            ranks: The ranks that hold the other parts.
        """
        coefficients = self.coefficients(queries, generator=generator, ranks=ranks)
        return mix(queries, keys, coefficients), mix(keys, queries, coefficients)

    def coefficients(self, features: Tensor, *, generator: torch.Generator, ranks: Ranks = ALONE) -> Tensor:
        """Draw the coefficients of (n, C) features, this rank's part of the batch; they broadcast to it."""
        shape = (ranks.size * features.shape[0], features.shape[1])
        drawn = sample_coefficients(self.alpha, self.bounds, shape, self.granularity, generator=generator)
        return ranks.own(drawn).to(features.dtype)


class MixedNegatives(NamedTuple):
    """Negatives, each with the rows that it was mixed from.

    Attributes:
        features: (M, C); gradients flow into all rows that have one.
        partners: (K,) int64, the place in the bank that each row was mixed with; None if nothing was mixed.
        union: Whether the originals come before their mixtures.
    """

    features: Tensor
    partners: Tensor | None = None
    union: bool = False

    @property
    def rows(self) -> Tensor:
        """The (M, 2) int64 places in the bank before mixing: negative m holds parts of both; equal if it is unmixed."""
        bank = self.features if self.partners is None else self.partners
        places = torch.arange(len(bank), device=bank.device)
        unmixed = places[:, None].expand(-1, 2)
        if self.partners is None:
            return unmixed
        rows = torch.stack([places, self.partners], dim=1)
        return torch.cat([unmixed, rows]) if self.union else rows


@dataclass(frozen=True)
class NegativeTransform:
    """Mix the queue with a random permutation of itself: ``Z' = l Z + (1 - l) Z[perm]``, not renormalised.

    Attributes:
        alpha: Beta(alpha, alpha) of the coefficient.
        bounds: (low, high) of the coefficient, within [0, 1].
        granularity: Extent of one coefficient.
        union: Whether the original negatives are kept beside the mixed ones.
    """

    alpha: float
    bounds: tuple[float, float] = (0.0, 1.0)
    granularity: Granularity = "batch"
    union: bool = False

    @property
    def largest_norm(self) -> float:
        """The largest norm of a mixed unit vector."""
        return _largest_norm(self.bounds, self.granularity)

    def __call__(self, negatives: Tensor, *, generator: torch.Generator) -> MixedNegatives:
        """Return the K mixed negatives, or the 2K originals and mixed ones."""
        shape = (negatives.shape[0], negatives.shape[1])
        coefficients = sample_coefficients(self.alpha, self.bounds, shape, self.granularity, generator=generator)
        permutation = torch.randperm(shape[0], generator=generator, device=negatives.device)
        # In place and not by mix(): at the paper's K each copy of the queue takes longer than its arithmetic.
        mixed = negatives.index_select(0, permutation).lerp_(negatives, coefficients.to(negatives.dtype))
        features = torch.cat([negatives, mixed]) if self.union else mixed
        return MixedNegatives(features, permutation, self.union)


@dataclass(frozen=True)
class FeatureTransform:
    """The transformation of one step: positives, then negatives, each optional.

    Attributes:
        positives: Mixing of positive pairs; None leaves them.
        negatives: Mixing of the queue; None leaves it.
        query_for_negatives: Whether negatives are scored against the transformed query, as the authors' code does,
            or the original one, as the paper's text reads.
        renormalise: Whether transformed features are scaled back to unit length.
        groups: Equal parts of a batch with coefficients and a permutation of their own, which a method transforms one
            by one; see `group_streams`.
        hardest: Mixing of each query's hardest negatives, before anything is transformed, which a method appends to the
            negatives; None appends nothing.
    """

    positives: PositiveTransform | None = None
    negatives: NegativeTransform | None = None
    query_for_negatives: Literal["transformed", "original"] = "transformed"
    renormalise: bool = False
    groups: int = 1
    hardest: HardNegativeMixing | None = None

    @property
    def is_identity(self) -> bool:
        """Return whether nothing is transformed."""
        return self.positives is None and self.negatives is None and self.hardest is None

    @property
    def positive_range(self) -> tuple[float, float]:
        """The range of the positives' scores: ``[1 - 2c, 1]``, where ``1 - S' <= c (1 - S)``, c = 1 + 2 l (l - 1)."""
        if self.positives is None or self.renormalise:
            return COSINE_RANGE
        harder = max(1.0 + 2.0 * bound * (bound - 1.0) for bound in self.positives.bounds)
        return 1.0 - 2.0 * max(harder, 1.0), 1.0

    @property
    def negative_range(self) -> tuple[float, float]:
        """The range of the negatives' scores: the product of the largest norms, 2l - 1 for an extrapolated query."""
        if self.renormalise:
            return COSINE_RANGE
        asks_transformed = self.query_for_negatives == "transformed"
        largest = (self.positives.largest_norm if self.positives is not None and asks_transformed else 1.0) * (
            self.negatives.largest_norm if self.negatives is not None else 1.0
        )
        return -largest, largest

    def __call__(
        self,
        queries: Tensor,
        keys: Tensor,
        negatives: Tensor,
        *,
        positive_generator: torch.Generator,
        negative_generator: torch.Generator,
        ranks: Ranks = ALONE,
    ) -> TransformedFeatures:
        """Transform one step's features.

        Args:
            queries: (n, C), this rank's part of the batch, unit length, with gradient.
            keys: (n, C), likewise, without gradient.
            negatives: (K, C), unit length, without gradient.
            positive_generator: Randomness of the positives, apart from the negatives' so that switching one of them
                does not move the other's draws.
            negative_generator: Randomness of the negatives.
            ranks: The ranks that hold the other parts of the batch.
        """
        new_queries, new_keys = queries, keys
        if self.positives is not None:
            mixed = self.positives(queries, keys, generator=positive_generator, ranks=ranks)
            new_queries, new_keys = map(self.scaled, mixed)
        new_negatives = self.mix_negatives(negatives, generator=negative_generator).features
        negative_queries = new_queries if self.query_for_negatives == "transformed" else queries
        return TransformedFeatures(new_queries, new_keys, negative_queries, new_negatives)

    def mix_negatives(self, negatives: Tensor, *, generator: torch.Generator) -> MixedNegatives:
        """Return (K, C) unit vectors transformed, and the rows that each comes from."""
        if self.negatives is None:
            return MixedNegatives(negatives)
        mixed = self.negatives(negatives, generator=generator)
        return mixed._replace(features=self.scaled(mixed.features))

    def scaled(self, mixed: Tensor) -> Tensor:
        """Return mixed (rows, C) features as the loss sees them: scaled back to unit length if asked to."""
        return F.normalize(mixed) if self.renormalise else mixed


def group_streams(streams: Sequence[str], groups: int) -> tuple[str, ...]:
    """Return the names of the random streams of all groups: those of the first, those of the second, ...

    >>> group_streams(("positives",), 3)
    ('positives', 'positives 1', 'positives 2')
    """
    return tuple(group_stream(name, group) for group in range(groups) for name in streams)


def group_stream(name: str, group: int) -> str:
    """Return the name of a stream of a group, from 0."""
    return f"{name} {group}" if group else name
