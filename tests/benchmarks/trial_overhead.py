"""Seconds of a sweep that are not a trial's own: 40 trials of about a second, against a plain Ray Tune function.

Both train the same trials on two slots. The overhead is (wall-clock time x slots - seconds of the trials' own epochs) /
trials, from the moment on at which each worker has ended its first trial.
"""

import json
import re
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from _harness import report
from _sweeps import run_sweep

from ftlab.config.home import Home

SLOTS = 2
SETTINGS = {"train.epochs": 8, "probe.every": 0, "probe.linear_epochs": 10}
STUDY = ["queue", "--seeds", "10", "--cpus", str(SLOTS), "--no-share"]
OVERRIDES = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]


def main() -> None:
    """Time both once."""
    folder = Path(mkdtemp())
    try:
        _, lines, _ = run_sweep(*STUDY[1:], *OVERRIDES, experiment=STUDY[0], folder=folder, keep=True)
        ends = [float(line.split()[0]) for line in lines if re.match(r"[\d.]+ \[\d+/40\]", line)]
        own = _own_seconds(folder / "home" / "trials")
        ours = _overhead(ends, own)
        plain = _overhead(*_plain_function(Home(str(folder / "plain"))))
    finally:
        shutil.rmtree(folder)
    details = {
        "seconds until the first trial ends": ends[0],
        "mean seconds of a trial's own epochs": sum(own) / len(own),
        "plain Ray Tune function, seconds a trial": plain,
        "plain / ours": plain / ours,
    }
    report("trial_overhead", [ours], "seconds", details)


def _overhead(ends: list[float], own: list[float]) -> float:
    """Return the seconds a trial that were not its own, of the trials after the first one of each slot.

    Args:
        ends: When each trial ended, ascending.
        own: Seconds of each trial's epochs, in the same order.
    """
    warm = len(ends) - SLOTS
    return (SLOTS * (ends[-1] - ends[SLOTS - 1]) - sum(own[SLOTS:])) / warm


def _own_seconds(journal: Path) -> list[float]:
    """Return the seconds of each trial's epochs, probes included, in the order in which they ended."""
    ended = []
    for path in journal.glob("*.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        epochs = [epoch for event in events if event["event"] == "epochs" for epoch in event["epochs"]]
        ended.append((epochs[-1]["timestamp"], sum(epoch["metrics"]["epoch_seconds"] for epoch in epochs)))
    return [seconds for _, seconds in sorted(ended)]


def _plain_function(home: Home) -> tuple[list[float], list[float]]:
    """Train the same trials as Tune's documentation shows it: a function, a process for each trial."""
    from ray import tune

    from ftlab.engine.planning import name_trials
    from ftlab.machine.capacity import Capacity
    from ftlab.study.spec import load_study
    from ftlab.workers.session import RaySession

    trials = name_trials(load_study("queue", "digits", num_seeds=10, overrides=SETTINGS), home)

    def train(config: dict[str, int]) -> None:
        import torch

        from ftlab.assembly.images import load_images
        from ftlab.assembly.trial_parts import make_trainer

        torch.set_num_threads(1)
        trial = trials[config["trial"]]
        trainer = make_trainer(trial.config, load_images(trial.config.data, home), torch.device("cpu"))
        seconds = 0.0
        for result in trainer.epochs():
            seconds += result.metrics["epoch_seconds"]
            tune.report({"loss": result.metrics["pretrain/loss"], "seconds": seconds})

    class Ends(tune.Callback):
        def __init__(self) -> None:
            self.ends: list[float] = []
            self.own: list[float] = []

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: object) -> None:  # noqa: ARG002
            self.ends.append(time.monotonic())
            self.own.append(trial.last_result["seconds"])

    callback = Ends()
    with RaySession(Capacity(cpus=SLOTS, gpus=0)):
        tuner = tune.Tuner(
            tune.with_resources(train, {"cpu": 1}),
            param_space={"trial": tune.grid_search(list(range(len(trials))))},
            run_config=tune.RunConfig(storage_path=str(home / "ray"), callbacks=[callback], verbose=0),
        )
        assert not tuner.fit().errors
    return callback.ends, callback.own


if __name__ == "__main__":
    main()
