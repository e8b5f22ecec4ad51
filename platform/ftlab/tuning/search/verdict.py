"""How the evaluation of a configuration ended: what its trials add up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

from ftlab.tracking.tracker import EpochRecord, Outcome, TrialStatus
from ftlab.tuning.plan import is_settled

KNN = "knn/top1"


@dataclass(frozen=True)
class TrialResult:
    """What a search needs to know of one trial.

    Attributes:
        outcome: How it ended.
        value: The search's metric, in percent; NaN for a trial that did not get that far.
        knn: Its last kNN accuracy, in percent; NaN without one.
        hours: Hours of training, times the GPUs, or the cores, of the trial.
    """

    outcome: Outcome
    value: float
    knn: float
    hours: float


@dataclass(frozen=True)
class Verdict:
    """How an evaluation ended; the numbers are means over its seeds, see `TrialResult`."""

    status: TrialStatus
    reason: str
    value: float
    knn: float
    hours: float

    @property
    def counts(self) -> bool:
        """Whether it is an answer: finished, stopped early or diverged, and not an accident or an interruption."""
        return self.status is TrialStatus.PRUNED or is_settled(self.status, self.reason)


def result_of(epochs: Iterable[EpochRecord], outcome: Outcome, metric: str, devices: float) -> TrialResult:
    """Return what the epochs of a trial add up to.

    Args:
        epochs: All its epochs, in order.
        outcome: How it ended.
        metric: Metric of the search.
        devices: GPUs, or cores, of the trial.
    """
    value, knn, seconds = nan, nan, 0.0
    for epoch in epochs:
        value = epoch.metrics.get(metric, value)
        knn = epoch.metrics.get(KNN, knn)
        seconds += epoch.metrics.get("train_seconds", 0.0)
    return TrialResult(outcome, value, knn, seconds * devices / 3600)


def judge_seeds(results: Sequence[TrialResult], num_seeds: int) -> Verdict | None:
    """Return the verdict over the trials of a configuration; None while it is open.

    One that fails or is stopped decides for all; of several such reasons a failure comes first.

    Args:
        results: Results so far.
        num_seeds: Trials of the configuration.
    """
    for status in (TrialStatus.FAILED, TrialStatus.PRUNED):
        for result in results:
            if result.outcome.status is status:
                return Verdict(status, result.outcome.reason, nan, result.knn, nan)
    if len(results) < num_seeds:
        return None
    value, knn, hours = (fmean(getattr(result, name) for result in results) for name in ("value", "knn", "hours"))
    if isnan(value):
        return Verdict(TrialStatus.FAILED, "it ended without the metric of the search", nan, knn, hours)
    collapsed = [result.outcome for result in results if result.outcome.status is TrialStatus.COLLAPSED]
    outcome = collapsed[0] if collapsed else results[0].outcome
    return Verdict(outcome.status, outcome.reason, value, knn, hours)
