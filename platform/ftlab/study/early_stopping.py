"""Early stopping of trials that do worse than others at the same epoch; imports no Ray."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EarlyStopping:
    """Asynchronous successive halving (ASHA, arXiv 1810.05934) on kNN accuracy.

    It is for searches only: it stops trials by the luck of their seeds, which would bias the means of an ablation.

    Attributes:
        max_epochs: Longest training.
        grace_epochs: Epochs before the first decision; at least the number between two kNN probes.
        reduction_factor: At each rung, one in this many trials goes on.
    """

    max_epochs: int
    grace_epochs: int
    reduction_factor: float
