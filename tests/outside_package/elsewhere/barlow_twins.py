"""Barlow Twins (arXiv 2103.03230): features of two views agree, and their dimensions do not repeat each other."""

from collections.abc import Mapping
from typing import Self

import torch

from ftlab.contrast.score_statistics import ScoreStatistic
from ftlab.contrast.scores import CollapseVerdict
from ftlab.methods.method import MethodParts, PretrainingMethod, StepResult, Streams, Views

SPREAD = "features/spread"


class BarlowTwins(PretrainingMethod[StepResult]):
    """Barlow Twins, for one process.

    Args:
        parts: The parts of the method.
        redundancy_weight: Weight of the off-diagonal terms.
    """

    statistics = (ScoreStatistic(SPREAD, "spread of features"),)
    encoder_name = "online_encoder"

    def __init__(self, parts: MethodParts, redundancy_weight: float) -> None:
        super().__init__(parts)
        self.online_encoder = parts.make_encoder()
        self.redundancy_weight = redundancy_weight
        self.share_groups()

    @classmethod
    def build(cls, parts: MethodParts, settings: "BarlowTwinsSection") -> Self:  # noqa: F821 - read by people
        """Build the method from its section."""
        return cls(parts, settings.redundancy_weight)

    def step(self, views: Views, streams: Streams, epoch: int) -> StepResult:
        """Compare both views of each image by the correlation of their features."""
        del streams, epoch  # nothing is drawn, and all epochs are alike
        one, two = (self.encode(self.online_encoder, images) for images in views.images)
        standardised = [(features - features.mean(dim=0)) / (features.std(dim=0) + 1e-4) for features in (one, two)]
        correlation = standardised[0].T @ standardised[1] / len(one)
        diagonal = torch.diagonal(correlation)
        redundant = correlation.square().sum() - diagonal.square().sum()
        loss = (1.0 - diagonal).square().sum() + self.redundancy_weight * redundant
        return StepResult(loss, {SPREAD: one.detach().std(dim=0).mean().double()})

    @staticmethod
    def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
        """Judge by the spread of the unit vectors, which is 0 when all are one."""
        collapsed = metrics[SPREAD] < 0.01
        return CollapseVerdict(collapsed, "all features are the same" if collapsed else "")
