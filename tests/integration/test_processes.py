"""A sweep whose trials are each trained by several processes, against the same sweep of one process a trial."""

from collections.abc import Callable
from typing import Any

import pytest

MakeLaboratory = Callable[..., Any]

EXPERIMENT = {
    "seeds": 1,
    "cells": [{"name": "too fast", "set": {"train.learning_rate": 1e30}}],
    "grid": {"method.key_momentum": [0.9, 0.5]},
}


@pytest.mark.slow
def test_trials_of_two_processes_fill_the_same_table(make_laboratory: MakeLaboratory) -> None:
    losses = []
    for processes in (1, 2):
        # A core, and so a thread, for each process: the number of threads decides last bits.
        laboratory = make_laboratory(cpus_per_trial=processes, processes_per_trial=processes)
        laboratory.write_experiment("exp", **EXPERIMENT)
        assert laboratory.sweep("exp").wait() == 0
        runs = {run.info.run_name: run for run in laboratory.trial_runs()}
        assert len(runs) == 3
        losses.append({name: run.data.metrics["pretrain/loss"] for name, run in runs.items() if "too fast" not in name})
        (diverged,) = (run for name, run in runs.items() if "too fast" in name)
        assert "pretrain/loss" not in diverged.data.metrics
        assert diverged.info.status == "FAILED"
        assert laboratory.left_behind() == []
    assert losses[1] == pytest.approx(losses[0], rel=0, abs=1e-5)
    assert len(losses[0]) == 2
