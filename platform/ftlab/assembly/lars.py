"""Build LARS, the optimiser of large batches, from the settings of a trial."""

from typing import Any

import torch

from ftlab.config.sections.train_section import TrainConfig
from ftlab.methods.method import ParameterGroup

# Of the code of both SimCLR's and SwAV's authors.
TRUST_COEFFICIENT = 1e-3


def make_lars(train: TrainConfig, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
    """Build LARS (arXiv 1708.03888) of timm; biases and normalisations, the vectors, move by SGD without decay."""
    from timm.optim.lars import Lars  # takes seconds to import

    parts: list[dict[str, Any]] = []
    for group in groups:
        weights = [parameter for parameter in group.parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in group.parameters if parameter.ndim <= 1]
        decay = train.weight_decay if group.decays else 0.0
        parts += [{"params": weights, "weight_decay": decay, "always_adapt": True}, {"params": vectors}]
    return Lars(
        [part for part in parts if part["params"]],
        lr=train.learning_rate,
        momentum=train.sgd_momentum,
        trust_coeff=TRUST_COEFFICIENT,
    )
