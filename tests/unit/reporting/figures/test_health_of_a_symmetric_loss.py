"""The age of a queue that gets the keys of both views."""

import pandas as pd

from ftlab.reporting.figures.health_marks import health_marks

METRICS = pd.DataFrame({"epoch": [], "name": [], "value": []})


def test_a_queue_is_stale_beyond_the_keys_of_an_epoch() -> None:
    settings = {"method.queue_size": "2561", "train.batch_size": "128"}
    assert [mark.reason[:33] for mark in health_marks(METRICS, {**settings, "method.symmetric": "false"}, 10)] == [
        "The queue holds 2561 keys, 2.0 ep"
    ]
    (mark,) = health_marks(METRICS, {**settings, "method.symmetric": "true"}, 10)
    assert mark.reason.startswith("The queue holds 2561 keys, 1.0 epochs of 2560")
    assert health_marks(METRICS, {**settings, "method.queue_size": "2560", "method.symmetric": "true"}, 10) == ()
