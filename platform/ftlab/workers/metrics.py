"""The metrics of a running study, which its driver exports to Prometheus.

All events happen in the driver's process, so Ray's metrics API (`ray.util.metrics`), which collects counts of actors
through the agents of their nodes and its dashboard packages, would not help. Ray exports the use of its nodes itself.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import prometheus_client as prometheus

from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

TRIALS = "ftlab_trials"
SPOOL = "ftlab_tracker_spool_records"
EPOCHS_SAVED = "ftlab_epochs_saved"
TRIALS_FINISHED = "ftlab_trials_finished_total"
EPOCHS_TRAINED = "ftlab_epochs_trained_total"
EPOCH_SECONDS = "ftlab_epoch_seconds"

# As Prometheus stores them.
METRIC_NAMES = (
    TRIALS,
    SPOOL,
    EPOCHS_SAVED,
    TRIALS_FINISHED,
    EPOCHS_TRAINED,
    f"{EPOCH_SECONDS}_bucket",
    f"{EPOCH_SECONDS}_sum",
    f"{EPOCH_SECONDS}_count",
)

WAITING, RUNNING, REUSED = "waiting", "running", "reused"
# A search stops trials early; a sweep never has pruned ones.
ENDS = tuple(str(status) for status in TrialStatus if status.is_final)
STATES = (WAITING, RUNNING, *ENDS, REUSED)

# Seconds: a tiny encoder on digits takes 0.05, an epoch of ImageNet on one GPU hours.
EPOCH_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800)


class StudyMetrics:
    """The listener that counts a running study, in a registry of its own.

    Args:
        experiment: Value of the label ``experiment``.

    Attributes:
        registry: Metrics that a server exports: those of `METRIC_NAMES`, and memory, time and files of this process.
    """

    def __init__(self, experiment: str) -> None:
        self.registry = registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=registry)
        labels = ("experiment",)
        trials = prometheus.Gauge(TRIALS, "Trials of the study by state", (*labels, "state"), registry=registry)
        self._trials = {state: trials.labels(experiment, state) for state in STATES}
        self._spool = prometheus.Gauge(SPOOL, "Records that wait for the tracking store", registry=registry)
        self._saved = prometheus.Gauge(
            EPOCHS_SAVED,
            "Epochs that need no training: of recorded trials and shared prefixes",
            labels,
            registry=registry,
        ).labels(experiment)
        self._finished = prometheus.Counter(
            TRIALS_FINISHED, "Trials that were trained to their end", labels, registry=registry
        ).labels(experiment)
        self._epochs = prometheus.Counter(
            EPOCHS_TRAINED, "Epochs that were trained, those of failed attempts among them", labels, registry=registry
        ).labels(experiment)
        self._seconds = prometheus.Histogram(
            EPOCH_SECONDS, "Duration of an epoch with its probes", labels, buckets=EPOCH_BUCKETS, registry=registry
        ).labels(experiment)
        self._num_waiting = self._num_reused = 0
        self._states: dict[str, str] = {}
        self._started: dict[str, float] = {}

    def expect(self, num_waiting: int, reused: Iterable[str] = (), epochs_saved: int = 0) -> None:
        """Set the numbers of a plan, in place of those of an earlier plan.

        Args:
            num_waiting: Trials to train; a study may add further ones.
            reused: Keys of recorded trials; those that were trained under this listener keep their state.
            epochs_saved: Epochs of the study that need no training.
        """
        self._num_waiting = num_waiting
        self._num_reused = len(set(reused) - self._states.keys())
        self._saved.set(epochs_saved)
        self._show()

    def watch_spool(self, count: Callable[[], int]) -> None:
        """Set the function that returns the number of records that wait for the tracking store."""
        self._spool.set_function(count)

    def trial_started(self, trial: Trial) -> None:
        """Count a trial as running; a trial that is tried again counts already."""
        self._started[trial.key] = time.time()
        if trial.key not in self._states:
            # A feed may give more trials than were planned.
            self._num_waiting = max(0, self._num_waiting - 1)
        self._move(trial, RUNNING)

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Count epochs and their seconds, except epochs from before the trial's start, which come from a checkpoint."""
        for epoch in epochs:
            if epoch.timestamp >= self._started[trial.key]:
                self._epochs.inc()
                self._seconds.observe(epoch.metrics["epoch_seconds"])

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Count the outcome of a trial; an interrupted trial waits for the next command."""
        if outcome.status.is_result:
            self._finished.inc()
        self._move(trial, WAITING if outcome.status is TrialStatus.INTERRUPTED else str(outcome.status))

    def _move(self, trial: Trial, state: str) -> None:
        self._states[trial.key] = state
        self._show()

    def _show(self) -> None:
        numbers = Counter(self._states.values())
        numbers[WAITING] += self._num_waiting
        numbers[REUSED] += self._num_reused
        for state, gauge in self._trials.items():
            gauge.set(numbers[state])
