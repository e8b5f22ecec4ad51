"""The learning rate of each epoch."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True)
class CosineSchedule:
    """Cosine decay per epoch to a floor, which the last epoch reaches, after a linear warm-up.

    Epoch e of E, from 1, has ``floor + (peak - floor) (1 + cos(pi e / E)) / 2``, as in the paper's code; both are
    counted from the end of the warm-up, whose last epoch has the peak. A training of one epoch has the peak.

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

        >>> schedule = CosineSchedule(peak=0.03, epochs=2)
        >>> round(schedule.learning_rate(0), 9), schedule.learning_rate(1)
        (0.015015, 3e-05)
        """
        if epoch < self.warmup_epochs:
            return self.peak * (epoch + 1) / self.warmup_epochs
        if self.epochs == 1:
            return self.peak
        progress = (epoch + 1 - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.peak * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + cos(pi * progress)))
