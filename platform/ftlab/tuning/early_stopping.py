"""When a trial is stopped because others are better at the same epoch; imports no Ray."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EarlyStopping:
    """Asynchronous successive halving (ASHA, arXiv 1810.05934) on kNN accuracy.

    For searches alone: it stops trials by their seeds' luck, and so would bias the means of an ablation.

    Attributes:
        max_epochs: Longest training.
        grace_epochs: Epochs before the first decision; no less than the epochs between kNN probes.
        reduction_factor: One in so many trials goes on at each rung.
    """

    max_epochs: int
    grace_epochs: int
    reduction_factor: float
