"""Images/s of several trials at once on one device, against one trial alone.

On a CPU the trials share its cores, digits profile; on a GPU they are ResNet-18 trials of the CIFAR-10 profile:

    packing.py --device cuda --profile cifar10 --trials 1 2 4 8
"""

import argparse
import multiprocessing
import os
import statistics
import time
from multiprocessing.synchronize import Barrier
from typing import Any

import torch
from _harness import report
from _training import OurSteps, cell_config, make_images


def main() -> None:
    """Time each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--profile", default="digits")
    parser.add_argument("--trials", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rates: dict[int, list[float]] = {num_trials: [] for num_trials in arguments.trials}
    for _ in range(arguments.rounds):
        for num_trials, found in rates.items():
            found.append(images_a_second(num_trials, arguments))
    medians = {num_trials: statistics.median(found) for num_trials, found in rates.items()}
    alone, most = min(medians), max(medians)
    details = {f"images/s of {number} at once": round(rate) for number, rate in medians.items()}
    ratios = [packed / single for packed, single in zip(rates[most], rates[alone], strict=True)]
    report("packing", ratios, f"times the images/s of {alone} with {most} at once", {**vars(arguments), **details})


def images_a_second(num_trials: int, arguments: argparse.Namespace) -> float:
    """Return the images/s of all trials together, from the moment at which all are warm."""
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    barrier = context.Barrier(num_trials + 1)
    job = (barrier, arguments.device, arguments.profile, arguments.steps, num_trials)
    processes = [context.Process(target=train, args=job) for _ in range(num_trials)]
    for process in processes:
        process.start()
    num_images: int = num_trials * arguments.steps * cell_config(arguments.profile).train.batch_size
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
    return num_images / seconds


def train(barrier: Barrier, device: str, profile: str, steps: int, num_trials: int) -> Any:
    """Train some steps between two barriers, after a warm-up."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // num_trials))
    config = cell_config(profile)
    num_channels, num_images = (1, 1280) if profile == "digits" else (3, 50_000)
    trial = OurSteps(config, make_images(num_images, config.data.image_size, num_channels), torch.device(device))
    trial.run(max(1, steps // 10))
    barrier.wait()
    trial.run(steps)
    barrier.wait()


if __name__ == "__main__":
    main()
