from collections.abc import Sequence
from math import inf, nan

import pandas as pd
import pytest

from ftlab.reporting.figures.health_marks import MarkKind, health_marks

POSITIVE, NEGATIVE, VARIANCE = "scores/positive_mean", "scores/negative_mean", "scores/negative_variance"


def metrics(**series: Sequence[float]) -> pd.DataFrame:
    names = {"positive": POSITIVE, "negative": NEGATIVE, "variance": VARIANCE, "loss": "pretrain/loss"}
    rows = [(e, names[name], value) for name, values in series.items() for e, value in enumerate(values, 1)]
    return pd.DataFrame(rows, columns=["epoch", "name", "value"])


def marks(frame: pd.DataFrame) -> list[tuple[MarkKind, int]]:
    return [(mark.kind, mark.epoch) for mark in health_marks(frame, {}, None)]


def test_a_healthy_trial_has_no_marks() -> None:
    healthy = metrics(positive=[0.5] * 20, negative=[0.1] * 20, variance=[0.05] * 20, loss=[4.0] * 20)
    settings = {"method.queue_size": "1024", "train.batch_size": "128"}
    assert health_marks(healthy, settings, 10) == ()
    assert health_marks(metrics(), {}, None) == ()


def test_collapse_is_the_state_of_the_last_epoch() -> None:
    assert marks(metrics(positive=[0.5, 0.3, 0.5], negative=[0.1, 0.3, 0.1])) == []
    assert marks(metrics(positive=[0.3, 0.5, 0.3, 0.2], negative=[0.3, 0.1, 0.3, 0.2])) == [(MarkKind.COLLAPSE, 3)]
    (mark,) = health_marks(metrics(positive=[0.32], negative=[0.3]), {}, None)
    assert (mark.epoch, mark.reason) == (1, "Positive scores exceed negative ones by only 0.020 on average.")


@pytest.mark.parametrize(("queue_size", "stale"), [("1280", False), ("1281", True), ("2560", True)])
def test_a_queue_is_stale_beyond_an_epoch(queue_size: str, stale: bool) -> None:
    settings = {"method.queue_size": queue_size, "train.batch_size": "128"}
    found = health_marks(metrics(), settings, 10)
    assert [mark.kind for mark in found] == [MarkKind.STALE_QUEUE] * stale
    assert health_marks(metrics(), settings, None) == ()


def test_the_reason_for_a_stale_queue_has_the_numbers() -> None:
    (mark,) = health_marks(metrics(), {"method.queue_size": "2560", "train.batch_size": "128"}, 10)
    assert mark.reason == "The queue holds 2560 keys, 2.0 epochs of 1280: the oldest are stale."


def test_negative_variance_rises_by_half() -> None:
    assert marks(metrics(variance=[0.1] * 5 + [0.15] * 5)) == []
    assert marks(metrics(variance=[0.1] * 5 + [0.16] * 5)) == [(MarkKind.NEGATIVE_VARIANCE_RISING, 6)]
    assert marks(metrics(variance=[0.1] * 4 + [0.9] * 5)) == []


def test_an_epoch_without_a_number_hides_no_rise() -> None:
    assert marks(metrics(variance=[nan] + [0.1] * 4 + [0.16] * 4 + [nan])) == [(MarkKind.NEGATIVE_VARIANCE_RISING, 6)]
    assert marks(metrics(variance=[nan] * 5 + [0.16] * 5)) == []


def test_only_scores_of_the_last_epoch_tell_of_a_collapse() -> None:
    assert marks(metrics(positive=[0.3, 0.3, 0.3], negative=[0.3, 0.3])) == []
    assert marks(metrics(positive=[], negative=[0.3])) == []


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_loss_that_is_not_finite(bad: float) -> None:
    assert marks(metrics(loss=[4.0, bad, 4.0])) == [(MarkKind.LOSS_NOT_FINITE, 2)]


def test_positives_near_one() -> None:
    assert marks(metrics(positive=[0.99, 0.9, 0.96, 0.97])) == [(MarkKind.POSITIVES_NEAR_ONE, 3)]
    assert marks(metrics(positive=[0.99, 0.95])) == []
