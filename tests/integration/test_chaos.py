"""A sweep whose workers and driver are killed at random, again and again, ends as if nothing had happened."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

ROUNDS = 20
STUDY = "exp/tiny"
EXPERIMENT = {
    "seeds": 4,
    "overrides": {"transform.positives": "extrapolate", "transform.negatives": "interpolate"},
    "grid": {"transform.start": [0.0, 0.2, 0.4, 0.6, 0.8, "never"]},
}


def test_after_twenty_rounds_of_kills_every_trial_is_there_once(make_laboratory: Callable[..., Any]) -> None:
    moments = random.Random(0)  # noqa: S311 - the same moments each time
    laboratory = make_laboratory(epochs=80)
    laboratory.write_experiment("exp", **EXPERIMENT)
    killed: Counter[str] = Counter()
    for _ in range(ROUNDS):
        command = laboratory.start_sweep("exp")
        with suppress(AssertionError):  # it ended, because nothing was left to train
            command.wait_for("first epoch")
        for _ in range(moments.randrange(3)):
            time.sleep(moments.uniform(0.0, 2.0))
            killed["workers"] += _kill(moments.sample(workers, 1) if (workers := laboratory.workers()) else [])
        time.sleep(moments.uniform(0.0, 4.0))
        killed["drivers"] += _kill([command.process.pid])
        command.wait()
        # The next sweep starts beside what is still dying.
    assert killed["drivers"] + killed["workers"] > ROUNDS
    laboratory.sweep("exp")
    runs = laboratory.trial_runs()
    assert len(runs) == len({run.data.tags["ftlab.trial_key"] for run in runs}) == 24
    assert {run.info.status for run in laboratory.runs()} == {"FINISHED"}
    for events in laboratory.journal().values():
        assert [event for event in events if event in ("finished", "collapsed")] == events[-1:]
    calm = make_laboratory(epochs=80)
    calm.write_experiment("exp", **EXPERIMENT)
    calm.sweep("exp", "--no-share")
    pd.testing.assert_frame_equal(laboratory.trials(STUDY), calm.trials(STUDY))
    assert laboratory.left_behind() == []


def _kill(pids: list[int]) -> int:
    """Kill processes and return how many of them still lived."""
    num_killed = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            num_killed += 1
    return num_killed
