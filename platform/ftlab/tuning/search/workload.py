"""What a search has left to do, as far as it is known beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SearchWorkload:
    """The trials that a search will train at most, for the display; see `ftlab.display.Workload`.

    Attributes:
        metric: Metric whose value is shown.
        num_todo: Number of trials.
        epochs_left: Epochs to train; early stopping saves some.
        start_epochs: Epoch that a trial starts from, by trial key.
    """

    metric: str
    num_todo: int
    epochs_left: int
    start_epochs: Mapping[str, int] = field(default_factory=dict)
