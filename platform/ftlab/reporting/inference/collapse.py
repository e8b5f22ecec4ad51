"""Collapse as an outcome of its own: the states of trials, the rate of a row, and the outcome beside its test."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan

from ftlab.contrast.score_statistics import COLLAPSED_MARGIN, NEGATIVE_MEAN, POSITIVE_MEAN
from ftlab.reporting.inference.paired_t import ERROR_RATE, MIN_PAIRS
from ftlab.reporting.inference.proportion import clopper_pearson

FINISHED, DEGENERATE, COLLAPSED, FAILED = "finished", "degenerate", "collapsed", "failed"
HEALTHY = (FINISHED, DEGENERATE)

BACKBONE_RANKME = "health/backbone_rankme"
# Effective rank of the backbone's features; below it they have collapsed with the scores. Features on a line have 1. Of
# the 45 trials of the momentum table on digits, 20 with collapsed scores, the lowest has 27, and all reach 89% by kNN.
HEALTHY_RANKME = 8.0

BETTER, WORSE = "better", "worse"


def trial_state(collapsed_scores: bool, rankme: float | None, threshold: float = HEALTHY_RANKME) -> str:
    """Return the state of a trial that trained to its end.

    Scores that collapsed say that the projections did. The features of the backbone may not have: where their RankMe
    (arXiv 2210.02885) is known and reaches the threshold, the trial is degenerate.

    Args:
        collapsed_scores: Whether positive scores are no higher than negative ones.
        rankme: RankMe of the backbone's features; None or NaN if it was not recorded.
        threshold: Least RankMe of features that have not collapsed.

    >>> trial_state(False, None), trial_state(True, 30.0), trial_state(True, 1.2), trial_state(True, None)
    ('finished', 'degenerate', 'collapsed', 'collapsed')
    """
    if not collapsed_scores:
        return FINISHED
    return DEGENERATE if rankme is not None and rankme >= threshold else COLLAPSED


def recorded_state(status: str, metrics: Mapping[str, object]) -> str:
    """Return the state of a recorded trial; any status but that of collapsed scores is a state.

    Args:
        status: Status in the tracking store.
        metrics: Its last metrics by name, beside which other entries may stand.
    """
    if status != COLLAPSED:
        return status
    rankme = metrics.get(BACKBONE_RANKME)
    return trial_state(True, float(rankme) if isinstance(rankme, int | float) else None)


def score_margin(metrics: Mapping[str, float]) -> tuple[float, float]:
    """Return the quantity that tells collapsed scores, and its threshold: mean positive minus mean negative score.

    Both are NaN if the trial recorded no such scores: its method then judges by another quantity.
    """
    margin = metrics.get(POSITIVE_MEAN, nan) - metrics.get(NEGATIVE_MEAN, nan)
    return margin, nan if isnan(margin) else COLLAPSED_MARGIN


@dataclass(frozen=True)
class CollapseRate:
    """The collapses of a row among its trials that trained to their end.

    Attributes:
        count: Trials that collapsed.
        n: Trials that trained to their end.
        low: Lower end of the exact 95% interval of the rate; NaN without trials.
        high: Upper end of that interval.
    """

    count: int
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.count} of {self.n}"


def collapse_rate(count: int, n: int) -> CollapseRate:
    """Return the rate of collapse of a row; it is estimated and not tested, since few seeds cannot reject."""
    return CollapseRate(count, n, *clopper_pearson(count, n))


def told_apart(p: float, difference: float) -> int:
    """Return 1 for a row above its baseline, -1 for one below it, and 0 if its test does not tell them apart."""
    return (difference > 0.0) - (difference < 0.0) if p < ERROR_RATE else 0


def row_outcome(direction: int, num_pairs: int, rate: CollapseRate, in_common: tuple[int, int]) -> str:
    """Return the outcome of a row against its baseline; empty if nothing is known of a difference.

    A row is worse if its test says so. It is better only if it also collapses in no more of the common seeds. Where it
    cannot be called either for collapses, they are its outcome.

    Args:
        direction: See `told_apart`.
        num_pairs: Seeds that are healthy in both rows.
        rate: Rate of collapse of the row.
        in_common: Collapses of the row and of its baseline among the seeds that both trained to their end.
    """
    ours, theirs = in_common
    if direction < 0:
        return WORSE
    if direction > 0 and ours <= theirs:
        return BETTER
    return f"collapses {rate}" if rate.count and (direction > 0 or num_pairs < MIN_PAIRS) else ""
