"""The results of one epoch of training, as the trainer yields them and tracking records them; without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EpochResult:
    """The results of one epoch.

    Attributes:
        epoch: Number of epochs trained so far, from 1.
        timestamp: Unix time in seconds at which the epoch ended.
        metrics: Scalars by metric name, e.g. ``pretrain/loss``: means over the epoch's steps, and the probes taken
            after it.
        histograms: Counts per score bin of the epoch's last step, by score name; empty when none was taken.
        steps: Series of equal length over steps of the epoch, unsmoothed: ``step``, the number of steps so far, and the
            score statistics by metric name; see `ftlab.training.step_series`.
        gradient_norms: L2 norm of each layer's weight gradient, the mean over the epoch's steps, by layer from the
            images upwards.
        right: The test images that each probe classified rightly, by its metric, in words of bits, see
            `ftlab.training.evaluation.right_images.pack_right`; after the last epoch.
        edges: Lowest and highest edge of each histogram's bins, which are equally wide; of one without them, as were
            recorded before, `COSINE_RANGE`.
    """

    epoch: int
    timestamp: float
    metrics: Mapping[str, float]
    histograms: Mapping[str, Sequence[int]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    gradient_norms: Mapping[str, float] = field(default_factory=dict)
    right: Mapping[str, Sequence[int]] = field(default_factory=dict)
    edges: Mapping[str, Sequence[float]] = field(default_factory=dict)
