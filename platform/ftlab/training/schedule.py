"""The learning rate of each epoch."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True)
class CosineSchedule:
    """Cosine decay per epoch to a floor, after a linear warm-up.

    Attributes:
        peak: Learning rate at its highest.
        epochs: Length of training.
        floor: Lowest learning rate, as a fraction of the peak; the paper's code uses 1e-3.
        warmup_epochs: Epochs of linear warm-up, less than ``epochs``.
    """

    peak: float
    epochs: int
    floor: float = 1e-3
    warmup_epochs: int = 0

    def learning_rate(self, epoch: int) -> float:
        """Return the learning rate of the 0-based ``epoch``.

        >>> CosineSchedule(peak=0.03, epochs=100).learning_rate(0)
        0.03
        """
        if epoch < self.warmup_epochs:
            return self.peak * (epoch + 1) / self.warmup_epochs
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.peak * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + cos(pi * progress)))
