"""Sweeps that share trials: one after another, and at once."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from checkout import trained_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}
STARTS = {"seeds": 2, "overrides": FT, "grid": {"transform.start": [0.0, 0.25, 0.5, "never"]}}
STUDY = "exp/tiny"


def trained_epochs(laboratory: Any) -> int:
    """Epochs that were trained; a fork repeats the moments of its trunk."""
    ends: set[float] = set()
    for path in (laboratory.home / "trials").glob("*.jsonl"):
        ends |= {epoch["timestamp"] for epoch in laboratory.epochs(path.stem)}
    return len(ends)


def test_shared_prefixes_are_trained_once_and_change_no_bit(make_laboratory: Callable[..., Any]) -> None:
    shared, alone = make_laboratory(epochs=16), make_laboratory(epochs=16)
    for laboratory in (shared, alone):
        laboratory.write_experiment("exp", **STARTS)
    planned = shared.sweep("exp").out
    assert "104 epochs (of 128 without shared prefixes: 0.81) to train" in planned
    assert trained_epochs(shared) == 104
    alone.sweep("exp", "--no-share")
    assert trained_epochs(alone) == 128
    pd.testing.assert_frame_equal(shared.trials(STUDY), alone.trials(STUDY))
    assert not list((shared.home / "checkpoints").glob("*"))


def test_two_sweeps_at_once_train_what_they_share_once(make_laboratory: Callable[..., Any]) -> None:
    laboratory = make_laboratory(epochs=24)
    laboratory.write_experiment("one", seeds=3, grid={"method.key_momentum": [0.9, 0.5]})
    laboratory.write_experiment("two", seeds=3, grid={"method.key_momentum": [0.7, 0.5, 0.9]})
    first = laboratory.start_sweep("one")
    time.sleep(1.0)
    second = laboratory.start_sweep("two")
    assert first.wait() == 0, first.out + first.err
    assert second.wait() == 0, second.out + second.err
    runs = laboratory.trial_runs()
    assert len(runs) == len({run.data.tags["ftlab.trial_key"] for run in runs}) == 9
    assert {run.info.status for run in laboratory.runs()} == {"FINISHED"}
    for events in laboratory.journal().values():
        assert events.count("trial") == 1
        assert [event for event in events if event in ("finished", "collapsed")] == events[-1:]
    for experiment, cells in (("one", 2), ("two", 3)):
        assert list(trained_rows(laboratory.results / experiment / "tiny" / "table.csv")["n"]) == [3] * cells
    assert not list((laboratory.home / "checkpoints").glob("*"))


def test_what_another_sweep_leaves_undone_is_trained_by_the_one_that_waits(
    make_laboratory: Callable[..., Any],
) -> None:
    laboratory = make_laboratory(epochs=200)
    laboratory.write_experiment("one", seeds=1, grid={"method.key_momentum": [0.9, 0.5]})
    laboratory.write_experiment("two", seeds=1, grid={"method.key_momentum": [0.5, 0.9]})
    first = laboratory.start_sweep("one")
    first.wait_for("first epoch")
    second = laboratory.start_sweep("two")
    second.wait_for("2 trials are trained by another sweep; waiting for them.")
    first.process.kill()
    assert second.wait() == 0, second.out + second.err
    assert "resumed" in second.out
    assert list(trained_rows(laboratory.results / "two" / "tiny" / "table.csv")["n"]) == [1, 1]
    runs = laboratory.trial_runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
