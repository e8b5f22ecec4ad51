from collections.abc import Callable
from math import isnan

import pytest

from ftlab.reporting.histories import Histories

MakeHistories = Callable[..., Histories]

ON = {"transform.start": "0.3", "transform.positives": "extrapolate", "transform.negatives": "none"}


@pytest.mark.parametrize(("start", "expected"), [("0.3", 30.0), ("0.0", 0.0), ("0.255", 26.0)])
def test_ft_begins_after_a_whole_epoch(make_histories: MakeHistories, start: str, expected: float) -> None:
    histories = make_histories({"a": 1.0}, {**ON, "transform.start": start, "train.epochs": "100"})
    assert histories.ft_start("a") == expected


@pytest.mark.parametrize(
    "settings", [{}, {**ON, "transform.start": "never"}, {**ON, "transform.positives": "none", "train.epochs": "9"}]
)
def test_ft_never_begins(make_histories: MakeHistories, settings: dict[str, str]) -> None:
    assert isnan(make_histories({"a": 1.0}, settings).ft_start("a"))


def test_steps_per_epoch(make_histories: MakeHistories) -> None:
    assert make_histories({"a": 1.0}).steps_per_epoch(["a"]) == 2
    assert make_histories({"a": 1.0}).steps_per_epoch(["b"]) is None
