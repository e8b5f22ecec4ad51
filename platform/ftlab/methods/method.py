"""The protocol of pretraining methods: what the trainer, the probes, the records and the export know of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.contrast.score_statistics import ScoreStatistic
from ftlab.contrast.scores import CollapseVerdict, ScoreHistogram
from ftlab.contrast.transform import FeatureTransform
from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.encoders.compilation import Compilation
from ftlab.encoders.encoder import Encoder
from ftlab.methods.batch_mixing import BatchMixing
from ftlab.ranks.exchange import ALONE, Ranks

Streams = Mapping[str, torch.Generator]


class Views(NamedTuple):
    """Random views of each image of a batch of N; of each kind, this rank holds n.

    Attributes:
        images: (n, channels, H, W) each. The first view is in the order of the batch, the others are in ``order``.
        order: (N,) int64 on the views' device: places in the batch. A method with `PretrainingMethod.shuffles_views`
            gets them at random, so that its other views meet other groups of batch normalisation than the first.
        patches: (9 n, channels, h, h) of the images of the first view, those of an image in a row and in random order,
            see `ftlab.data.views.patches`; None for a method that takes none.
        small: (V n, channels, s, s) small crops of the images of the first view, the V of an image in a row; None for
            none.
    """

    images: tuple[Tensor, ...]
    order: Tensor
    patches: Tensor | None = None
    small: Tensor | None = None


@dataclass(frozen=True)
class StepResult:
    """The results of a step before the optimiser moved anything, from this rank's n of the N rows.

    Attributes:
        loss: Scalar with gradient.
        scores: The values of `PretrainingMethod.statistics` by name, as float64 scalars on the device.
    """

    loss: Tensor
    scores: Mapping[str, Tensor]


StepResultT = TypeVar("StepResultT", bound=StepResult)
PartT = TypeVar("PartT", bound=nn.Module)


class ParameterGroup(NamedTuple):
    """Parameters that the optimiser moves in one way.

    Attributes:
        parameters: The parameters.
        decays: Whether weight decay shrinks them.
        follows_schedule: Whether their learning rate follows the schedule; else it stays at the peak.
    """

    parameters: list[nn.Parameter]
    decays: bool = True
    follows_schedule: bool = True


@dataclass(frozen=True)
class MethodParts:
    """The parts that a method is built from.

    Attributes:
        make_encoder: Builds an encoder with seeded weights, the same each time. With ``make_head``, a `MakeHead`, it
            has the method's own projection head instead of that of the settings.
        feature_dim: C, the dimension of its projections.
        transform: Feature transformation of the epochs in ``transform_epochs``.
        transform_epochs: 0-based epochs that FT takes part in.
        precision: Precision of the encoders' forward pass; features, scores and losses are float32.
        make_generator: Returns the seeded generator, on the CPU, of a purpose, e.g. of a queue's first keys.
        ranks: The processes that train together.
        bn_groups: Groups of batch normalisation, for the method's own layers.
        epochs: Length of the training.
        mixing: Mixing of the images of a batch, for MoCo.
    """

    make_encoder: Callable[..., Encoder]
    feature_dim: int
    transform: FeatureTransform
    transform_epochs: range
    precision: torch.dtype
    make_generator: Callable[[str], torch.Generator]
    ranks: Ranks = ALONE
    bn_groups: int = 1
    epochs: int = 1
    mixing: BatchMixing = field(default_factory=BatchMixing)

    def seeded(self, purpose: str, make: Callable[[], PartT]) -> PartT:
        """Build a part of the method, whose first weights come from the seeded generator of a purpose."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.make_generator(purpose).initial_seed())
            return make()


class PretrainingMethod(nn.Module, ABC, Generic[StepResultT]):
    """A method that pretrains an encoder without labels.

    The trainer calls, in this order: `build` once; `compile_encoders` if asked to; per epoch ``train()``, then per step
    `step`, the backward pass of its loss, an optimiser step over `parameter_groups`, in the last step of an epoch
    `histograms`, and `update`; after the epoch `complete_statistics`. The state that an epoch leaves behind is
    ``state_dict()``: parameters and buffers, nothing else, so that a restored method goes on bit for bit.

    All randomness of a step comes from the streams that it is given. With several ranks, each computes the loss of its
    own rows, and gradients are averaged over ranks afterwards.

    Args:
        parts: The parts that the method is built from.

    Attributes:
        statistics: What each step measures; empty for a method without scores.
        streams: Names of the random streams that a step draws from.
        num_views: Views that it takes of each image.
        shuffles_views: Whether all views but the first come in a random order.
        takes_patches: Whether it takes patches of the images too.
        encoder_name: Name of the submodule that is probed and exported, and whose layers' gradients are recorded.
    """

    statistics: ClassVar[tuple[ScoreStatistic, ...]] = ()
    streams: tuple[str, ...] = ()
    num_views: ClassVar[int] = 2
    shuffles_views: ClassVar[bool] = False
    takes_patches: bool = False
    encoder_name: ClassVar[str]

    def __init__(self, parts: MethodParts) -> None:
        super().__init__()
        self.transform = parts.transform
        self.transform_epochs = parts.transform_epochs
        self.precision = parts.precision
        self.ranks = parts.ranks
        self._compilations: list[Compilation] = []

    @classmethod
    @abstractmethod
    def build(cls, parts: MethodParts, settings: Any) -> Self:
        """Build the method from its parts and its section of the configuration."""

    @abstractmethod
    def step(self, views: Views, streams: Streams, epoch: int) -> StepResultT:
        """Compute the loss of this rank's part of a batch.

        Args:
            views: The views to encode.
            streams: Randomness of the step, by the names in `streams`.
            epoch: The 0-based epoch, for what depends on it, e.g. `transform_at`.
        """

    @torch.no_grad()
    def update(self, result: StepResultT) -> None:
        """Follow the optimiser's step, e.g. move a key encoder; nothing here."""

    @torch.no_grad()
    def histograms(self, result: StepResultT) -> dict[str, ScoreHistogram]:
        """Return the score histograms of a step on all ranks, before `update`, by score name; none here."""
        del result  # of a method without scores
        return {}

    @staticmethod
    @abstractmethod
    def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
        """Judge from the metrics of the last epoch whether the features collapsed."""

    @property
    def encoder(self) -> Encoder:
        """The encoder that is probed and exported."""
        encoder: Encoder = getattr(self, self.encoder_name)
        return encoder

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters that the optimiser moves: those of the encoder, unless a method has others."""
        return [ParameterGroup(list(self.encoder.parameters()))]

    def trained_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of all groups."""
        return [parameter for group in self.parameter_groups() for parameter in group.parameters]

    def transform_at(self, epoch: int) -> FeatureTransform:
        """Return the transformation in force in the 0-based ``epoch``."""
        return self.transform if epoch in self.transform_epochs else FeatureTransform()

    def compile_encoders(self, mode: str | None = None) -> None:
        """Send all encoders through torch.compile; see `Compilation`.

        Args:
            mode: Mode of ``torch.compile``.
        """
        encoders = (module for module in self.children() if isinstance(module, Encoder))
        self._compilations = [Compilation(encoder, mode) for encoder in encoders]

    def groups_of(self, transform: FeatureTransform) -> tuple[Ranks, range]:
        """Return the ranks that share a group's draws, and the groups of FT on this rank.

        A single group is the batch of all ranks; of several, each lies on one rank.

        Raises:
            ValueError: The ranks cannot share them out evenly.
        """
        if transform.groups == 1:
            return self.ranks, range(1)
        return ALONE, range(transform.groups)[self.ranks.own_part(transform.groups)]

    def over_ranks(self, histograms: Mapping[str, ScoreHistogram]) -> dict[str, ScoreHistogram]:
        """Return the histograms of all ranks from those of this one, by score name."""
        return {name: own._replace(counts=self.ranks.sum(own.counts)) for name, own in histograms.items()}

    @property
    def compilation_failure(self) -> str:
        """Beginning of the compiler's error message if the encoders run eagerly because of it; else empty."""
        return next((compilation.failure for compilation in self._compilations if compilation.failure), "")

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

    def share_groups(self) -> None:
        """Give each batch normalisation the groups of this rank; to be called once all encoders are there."""
        for norm in self._norms():
            norm.own_groups = self.ranks.own_part(norm.num_groups)

    def encode(self, module: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """Return the (n, C) outputs of `project` as unit vectors."""
        return F.normalize(self.project(module, inputs))

    def project(self, module: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """Return the (n, C) outputs of an encoder, or of a head, in float32 or wider, not normalised.

        Args:
            module: The encoder, or a head of the method's own.
            inputs: (n, channels, H, W) images, or the (n, F) inputs of the head.
        """
        wide = self.precision == torch.float32
        casts: AbstractContextManager[Any] = (
            nullcontext() if wide else torch.autocast(inputs.device.type, self.precision)
        )
        with casts:
            outputs: Tensor = module(inputs)
        return outputs.to(torch.promote_types(outputs.dtype, torch.float32))

    def _norms(self) -> Iterator[GroupedBatchNorm]:
        return (module for module in self.modules() if isinstance(module, GroupedBatchNorm))
