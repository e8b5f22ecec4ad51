from math import isnan, nan

import pytest

from ftlab.search.verdict import SeedResult, Verdict, judge_seeds, result_of
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

FINISHED = Outcome(TrialStatus.FINISHED)


def test_a_result_holds_last_values_and_all_hours() -> None:
    epochs = [
        EpochResult(1, 0.0, {"knn/top1": 50.0, "train_seconds": 1800.0}),
        EpochResult(2, 0.0, {"train_seconds": 1800.0}),
        EpochResult(3, 0.0, {"knn/top1": 60.0, "probe/top1": 70.0, "train_seconds": 3600.0}),
    ]
    assert result_of(epochs, FINISHED, "probe/top1", 2.0) == SeedResult(FINISHED, 70.0, 60.0, 4.0)
    unprobed = result_of(epochs[1:2], FINISHED, "probe/top1", 1.0)
    assert (isnan(unprobed.value), isnan(unprobed.knn), unprobed.hours) == (True, True, 0.5)


def test_the_mean_of_the_seeds_counts() -> None:
    results = [SeedResult(FINISHED, 80.0, 60.0, 1.0), SeedResult(FINISHED, 90.0, 70.0, 3.0)]
    assert judge_seeds(results[:1], 2) is None
    assert judge_seeds(results, 2) == Verdict(TrialStatus.FINISHED, "", 85.0, 65.0, 2.0)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome(TrialStatus.PRUNED, "stopped early"), True),
        (Outcome(TrialStatus.FAILED, "diverged: the loss is NaN"), True),
        (Outcome(TrialStatus.FAILED, "the worker died"), False),
    ],
)
def test_one_seed_that_has_no_end_decides_for_all(outcome: Outcome, counts: bool) -> None:
    verdict = judge_seeds([SeedResult(FINISHED, 80.0, 60.0, 1.0), SeedResult(outcome, nan, 40.0, 0.5)], 3)
    assert verdict is not None
    assert (verdict.status, verdict.reason, verdict.counts) == (outcome.status, outcome.reason, counts)
    assert isnan(verdict.value)


def test_a_collapse_is_a_result_and_is_named() -> None:
    collapsed = Outcome(TrialStatus.COLLAPSED, "negative variance 0")
    verdict = judge_seeds([SeedResult(FINISHED, 80.0, 60.0, 1.0), SeedResult(collapsed, 20.0, 10.0, 1.0)], 2)
    assert verdict == Verdict(TrialStatus.COLLAPSED, "1 of 2 seeds collapsed: negative variance 0", 50.0, 35.0, 1.0)


def test_a_trial_without_the_metric_is_no_result() -> None:
    verdict = judge_seeds([SeedResult(FINISHED, nan, 60.0, 1.0)], 1)
    assert verdict is not None
    assert (verdict.status, verdict.counts) == (TrialStatus.FAILED, False)


@pytest.mark.parametrize(("rankme", "status"), [(30.0, "finished"), (1.5, "collapsed"), (nan, "collapsed")])
def test_collapsed_scores_over_healthy_features_are_no_collapse(rankme: float, status: str) -> None:
    outcome = Outcome(TrialStatus.COLLAPSED, "flat scores")
    epochs = [EpochResult(1, 0.0, {"probe/top1": 70.0, "health/backbone_rankme": rankme})]
    verdict = judge_seeds([result_of(epochs, outcome, "probe/top1", 1.0)], 1)
    assert verdict is not None
    assert verdict.status == status
