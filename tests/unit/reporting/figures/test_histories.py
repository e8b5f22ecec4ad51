from collections.abc import Callable

from ftlab.reporting.figures.histories import Histories

MakeHistories = Callable[..., Histories]


def test_steps_per_epoch(make_histories: MakeHistories) -> None:
    assert make_histories({"a": 1.0}).steps_per_epoch(["a"]) == 2
    assert make_histories({"a": 1.0}).steps_per_epoch(["b"]) is None
