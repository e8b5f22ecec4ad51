"""The training that a search has left to do, as far as it is known beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ftlab.tuning.spec import Trial


@dataclass(frozen=True)
class SearchWorkload:
    """The most trials that a search will train, for the display; see `ftlab.display.Workload`.

    Attributes:
        metric: Metric whose value is shown.
        num_todo: Number of trials.
        epochs_a_trial: Length of a trial, unless the search varies it.
        start_epochs: Epoch that a trial starts from, by trial key.
    """

    metric: str
    num_todo: int
    epochs_a_trial: int
    start_epochs: Mapping[str, int] = field(default_factory=dict)

    @property
    def epochs_left(self) -> int:
        """Epochs to train; early stopping saves some, and trials may be shorter or longer."""
        return self.num_todo * self.epochs_a_trial

    def epochs_counted(self, trial: Trial) -> int:  # noqa: ARG002 - the same for all
        """Return the number of epochs that ``epochs_left`` assumes for a trial."""
        return self.epochs_a_trial
