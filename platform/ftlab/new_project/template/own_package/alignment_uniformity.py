"""Alignment and uniformity (arXiv 2005.10242): views of an image lie close together, and images far apart."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from ftlab.contrast.score_statistics import ScoreStatistic
from ftlab.contrast.scores import CollapseVerdict
from ftlab.methods.method import MethodParts, PretrainingMethod, StepResult, Streams, Views
from own_package.settings import AlignmentUniformitySection

ALIGNMENT, UNIFORMITY = "features/alignment", "features/uniformity"


class AlignmentUniformity(PretrainingMethod[StepResult]):
    """One encoder for both views, whose features are unit vectors.

    Args:
        parts: The parts of the method.
        uniformity_weight: Weight of uniformity beside alignment.
    """

    statistics = (ScoreStatistic(ALIGNMENT, "alignment"), ScoreStatistic(UNIFORMITY, "uniformity"))
    encoder_name = "encoder_of_views"

    def __init__(self, parts: MethodParts, uniformity_weight: float) -> None:
        super().__init__(parts)
        self.encoder_of_views = parts.make_encoder()
        self.uniformity_weight = uniformity_weight
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: AlignmentUniformitySection) -> Self:
        """Build the method from its section of the configuration."""
        return cls(parts, settings.uniformity_weight)

    def step(self, views: Views, streams: Streams, epoch: int) -> StepResult:
        """Compute the loss of this process's part of a batch."""
        del streams, epoch  # nothing is drawn, and all epochs are alike
        first, second = (self.encode(self.encoder_of_views, images) for images in views.images)  # (n, C) each
        alignment = (first - second).square().sum(dim=1).mean()
        uniformity = (self._uniformity(first) + self._uniformity(second)) / 2
        scores = {ALIGNMENT: alignment.detach().double(), UNIFORMITY: uniformity.detach().double()}
        return StepResult(alignment + self.uniformity_weight * uniformity, scores)

    def _uniformity(self, features: Tensor) -> Tensor:
        everyone = self.ranks.gather_with_gradient(features)  # (N, C), the parts of all processes
        return torch.pdist(everyone).square().mul(-2).exp().mean().log()

    @staticmethod
    def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
        """Judge by uniformity, which is 0 when all features are one."""
        collapsed = metrics[UNIFORMITY] > -0.1
        return CollapseVerdict(collapsed, "all features are nearly the same" if collapsed else "")
