"""Images/s of whole training steps with the small encoder of a profile, ours against lightly's.

Ours runs on one thread and has both parts of FT. lightly's runs once in this process on one thread and once with a data
loader process for every core, and the faster of the two is the yardstick.
"""

import argparse
import os
import statistics
from typing import Any

import numpy as np
import torch
from _harness import paired_seconds, report
from _lightly import LightlySteps, plain_batch_norm
from _training import OurSteps, cell_config, load_like, moco_settings

from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset

CPU = torch.device("cpu")
DIGITS_RECIPE: dict[str, Any] = {"hf_prob": 0.0, "gaussian_blur": 0.0, "rr_prob": 1.0, "rr_degrees": 15.0}


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=["digits", "photos"], default="digits")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = cell_config(arguments.profile)
    dataset = load_like(arguments.profile)
    ours = OurSteps(config, dataset, CPU)
    timed = {
        num_workers: time_pairs(ours, make_peer(ours, config, dataset, num_workers), arguments)
        for num_workers in (0, os.cpu_count() or 1)
    }
    images = arguments.steps * config.train.batch_size
    rates = {workers: images / statistics.median(theirs for _, theirs in pairs) for workers, pairs in timed.items()}
    fastest = timed[max(rates, key=lambda workers: rates[workers])]
    details: dict[str, object] = {
        f"lightly's images/s with {workers} loader processes": round(rate) for workers, rate in rates.items()
    }
    details["our images/s"] = round(images / statistics.median(mine for mine, _ in fastest))
    details["profile"] = arguments.profile
    report("step_lightly", [theirs / mine for mine, theirs in fastest], "times as many images/s", details)


def time_pairs(ours: OurSteps, peer: LightlySteps, arguments: argparse.Namespace) -> list[tuple[float, float]]:
    """Time a number of steps of both, in turn."""
    steps = arguments.steps
    return paired_seconds(lambda: ours.run(steps), lambda: peer.run(steps), rounds=arguments.rounds, repeats=1)


def make_peer(ours: OurSteps, config: TrialConfig, dataset: ImageDataset, num_workers: int) -> LightlySteps:
    """Return lightly's steps with the same encoder, the same images and the recipe that comes nearest to ours."""
    encoder = ours.trainer.method.encoder
    # lightly's own recipe is that of MoCo v2.
    recipe: dict[str, Any] = DIGITS_RECIPE if config.views.recipe == "digits" else {}
    return LightlySteps(
        plain_batch_norm(encoder),
        encoder.num_features,
        np.asarray(dataset.train_images),
        dim=config.model.feature_dim,
        queue_size=moco_settings(config).queue_size,
        batch_size=config.train.batch_size,
        num_workers=num_workers,
        device=CPU,
        **recipe,
        normalize={"mean": dataset.channel_mean, "std": dataset.channel_std},
    )


if __name__ == "__main__":
    main()
