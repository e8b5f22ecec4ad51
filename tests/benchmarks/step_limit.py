"""Our whole training step, data path included, against a bare forward and backward pass of the same encoders.

The yardstick has no data path, loss, queue, statistics, optimiser or moving average: nothing can be faster.
"""

import argparse
import tempfile

import torch
from _harness import paired_seconds, report_ratio

from ftlab.build.data import load_images
from ftlab.build.trainer import make_trainer
from ftlab.config.home import Home
from ftlab.models.moco import Views
from ftlab.tuning.spec import load_study


def main() -> None:
    """Time the digits profile's step with both parts of FT on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    study = load_study("components", "digits", overrides={"probe.every": 0})
    config = next(cell.config for cell in study.cells if cell.name == "both")
    with tempfile.TemporaryDirectory() as home:
        dataset = load_images(study.data, Home(home))
        trainer = make_trainer(config, dataset, torch.device("cpu"))
        epochs = trainer.epochs()
        steps = trainer.batches.steps_per_epoch
        for _ in range(config.transform.epochs_on(config.train.epochs).start):
            next(epochs)
        views = next(trainer.batches.epoch(0))
        ours, bare = (lambda: next(epochs)), (lambda: bare_epoch(trainer.method, views, steps))
        pairs = paired_seconds(ours, bare, rounds=arguments.rounds, repeats=4)
    per_step = [(a / steps, b / steps) for a, b in pairs]
    details = {"batch": config.train.batch_size, "K": config.method.queue_size, "threads": 1, "FT": "both"}
    report_ratio("step_limit", per_step, details)


def bare_epoch(method: torch.nn.Module, views: Views, steps: int) -> None:
    """Run the query encoder forward and backward and the key encoder forward, ``steps`` times."""
    for _ in range(steps):
        method.query_encoder.zero_grad(set_to_none=True)
        method.query_encoder(views.queries).sum().backward()
        with torch.no_grad():
            method.key_encoder(views.keys)


if __name__ == "__main__":
    main()
