"""The verdict on a configuration, from the results of its trials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

from ftlab.reporting.inference.collapse import BACKBONE_RANKME, COLLAPSED, collapse_rate, recorded_state
from ftlab.study.plan import is_settled
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

KNN = "knn/top1"


@dataclass(frozen=True)
class SeedResult:
    """The result of one trial of a search.

    Attributes:
        outcome: Its outcome.
        value: The search's metric, in percent; NaN if the trial did not get that far.
        knn: Its last kNN accuracy, in percent; NaN without one.
        hours: Hours of training, times the GPUs, or the cores, of the trial.
        rankme: Last RankMe of the backbone's features; None if it was not recorded.
    """

    outcome: Outcome
    value: float
    knn: float
    hours: float
    rankme: float | None = None

    @property
    def has_collapsed(self) -> bool:
        """Return whether its features collapsed, as in a table; scores alone are not enough."""
        return recorded_state(self.outcome.status.value, {BACKBONE_RANKME: self.rankme}) == COLLAPSED


@dataclass(frozen=True)
class Verdict:
    """The verdict on a configuration; the numbers are means over its seeds, see `SeedResult`.

    A collapse counts with its accuracy, unlike in a table, so that no configuration looks better for its collapses.
    """

    status: TrialStatus
    reason: str
    value: float
    knn: float
    hours: float

    @property
    def counts(self) -> bool:
        """Return whether it is final: finished, stopped early or diverged, and not an accident or an interruption."""
        return self.status is TrialStatus.PRUNED or is_settled(self.status, self.reason)


def result_of(epochs: Iterable[EpochResult], outcome: Outcome, metric: str, devices: float) -> SeedResult:
    """Return the result of a trial from its epochs.

    Args:
        epochs: All its epochs, in order.
        outcome: Its outcome.
        metric: Metric of the search.
        devices: GPUs, or cores, of the trial.
    """
    value, knn, seconds = nan, nan, 0.0
    rankme: float | None = None
    for epoch in epochs:
        rankme = epoch.metrics.get(BACKBONE_RANKME, rankme)
        value = epoch.metrics.get(metric, value)
        knn = epoch.metrics.get(KNN, knn)
        seconds += epoch.metrics.get("train_seconds", 0.0)
    return SeedResult(outcome, value, knn, seconds * devices / 3600, rankme)


def judge_seeds(results: Sequence[SeedResult], num_seeds: int) -> Verdict | None:
    """Return the verdict over the trials of a configuration; None while it is open.

    A trial that failed or was stopped decides for all; a failure comes before a stop.

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
    collapsed = [result.outcome.reason for result in results if result.has_collapsed]
    if not collapsed:
        return Verdict(TrialStatus.FINISHED, "", value, knn, hours)
    reason = f"{collapse_rate(len(collapsed), len(results))} seeds collapsed: {collapsed[0]}"
    return Verdict(TrialStatus.COLLAPSED, reason, value, knn, hours)
