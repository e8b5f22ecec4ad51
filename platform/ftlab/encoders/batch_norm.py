"""Batch normalisation in groups, so that one device behaves like several."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GroupedBatchNorm(nn.Module):
    """Normalise each of G groups of a batch with its own statistics, as G devices would.

    On one device, shuffling keys changes nothing when the whole batch shares its statistics: what a query's batch
    reveals about its key leaks (arXiv 1911.05722, section 3.3). A group is N / G samples in a row, as a data-parallel
    batch is divided. With G = 1 this is batch normalisation.

    In evaluation the running statistics of the groups are averaged. Running statistics are (G, C) buffers: averaging
    their moving averages equals the moving average of the mean, at no cost in the step.

    Where several processes train together, each normalises `own_groups` of the G, and its batch holds their rows alone.

    Attributes:
        own_groups: Groups of this process; all of them unless set.

    Args:
        num_features: C.
        num_groups: G; a training batch must be a multiple of it.
        eps: Added to the variance.
        momentum: Share of the new statistics in the running ones.
        affine: Whether a scale and a shift are learned.
    """

    running_mean: Tensor
    running_var: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self, num_features: int, num_groups: int, eps: float = 1e-5, momentum: float = 0.1, *, affine: bool = True
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.num_groups = num_groups
        self.eps = eps
        self.momentum = momentum
        self.own_groups = slice(0, num_groups)
        for name, value in (("weight", torch.ones(num_features)), ("bias", torch.zeros(num_features))):
            if affine:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value, persistent=False)
        self.register_buffer("running_mean", torch.zeros(num_groups, num_features))
        self.register_buffer("running_var", torch.ones(num_groups, num_features))

    def merge_groups(self) -> None:
        """Normalise whole batches from now on, and in evaluation as before."""
        self.num_groups, self.own_groups = 1, slice(0, 1)
        self.running_mean = self.running_mean.mean(dim=0, keepdim=True)
        self.running_var = self.running_var.mean(dim=0, keepdim=True)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise (N, C, H, W), or (N, C), per group in training and by the averaged statistics in evaluation.

        Raises:
            ValueError: A training batch is not a multiple of the number of groups.
        """
        if not self.training:
            mean, var = self.running_mean.mean(dim=0), self.running_var.mean(dim=0)
            return F.batch_norm(images, mean, var, self.weight, self.bias, False, self.momentum, self.eps)
        means, variances = self.running_mean.unbind()[self.own_groups], self.running_var.unbind()[self.own_groups]
        if images.shape[0] % len(means):
            raise ValueError(f"a batch must be a multiple of {len(means)} groups, but got {images.shape[0]} rows.")
        groups = [
            F.batch_norm(group, mean, var, self.weight, self.bias, True, self.momentum, self.eps)
            for group, mean, var in zip(images.chunk(len(means)), means, variances, strict=True)
        ]
        return torch.cat(groups) if len(groups) > 1 else groups[0]
