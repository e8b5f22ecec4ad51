"""Images/s of several trials at once on one device, against one trial alone.

On a CPU the trials share its cores, digits profile; on a GPU they are ResNet-18 trials of the CIFAR-10 profile:

    packing.py --device cuda --profile cifar10 --trials 1 2 4 8
"""

import argparse
import multiprocessing
import os
import statistics
import time
from multiprocessing.connection import Connection
from typing import Self

import torch
from _harness import report
from _training import OurSteps, cell_config, make_images


def main() -> None:
    """Time each number of trials in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--profile", default="digits")
    parser.add_argument("--trials", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    batch_size = cell_config(arguments.profile).train.batch_size
    rates: dict[int, list[float]] = {num_trials: [] for num_trials in arguments.trials}
    with PackedTrials(max(arguments.trials), arguments.device, arguments.profile) as trials:
        for num_trials in arguments.trials:
            trials.run(num_trials, max(1, arguments.steps // 10))
        for _ in range(arguments.rounds):
            for num_trials, found in rates.items():
                seconds = trials.run(num_trials, arguments.steps)
                found.append(num_trials * arguments.steps * batch_size / seconds)
    medians = {num_trials: statistics.median(found) for num_trials, found in rates.items()}
    alone, most = min(medians), max(medians)
    details = {f"images/s of {number} at once": round(rate) for number, rate in medians.items()}
    ratios = [packed / single for packed, single in zip(rates[most], rates[alone], strict=True)]
    report("packing", ratios, f"times the images/s of {alone} with {most} at once", {**vars(arguments), **details})


class PackedTrials:
    """Processes that each hold a trial; some of them train at a time.

    Args:
        number: Of processes.
        device: Device that they share.
        profile: Profile of their trials.
    """

    def __init__(self, number: int, device: str, profile: str) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._connections = []
        self._processes = []
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve_steps, args=(theirs, device, profile), daemon=True)
            process.start()
            self._connections.append(ours)
            self._processes.append(process)
        for connection in self._connections:
            connection.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.send(None)
        for process in self._processes:
            process.join()

    def run(self, num_trials: int, steps: int) -> float:
        """Have the first ``num_trials`` train so many steps at the same time; return the seconds until all have."""
        threads = max(1, (os.cpu_count() or 1) // num_trials)
        started = time.perf_counter()
        for connection in self._connections[:num_trials]:
            connection.send((threads, steps))
        for connection in self._connections[:num_trials]:
            connection.recv()
        return time.perf_counter() - started


def serve_steps(connection: Connection, device: str, profile: str) -> None:
    """Train as many steps as are asked for, with as many threads, until None is asked for."""
    config = cell_config(profile)
    num_channels, num_images = (1, 1280) if profile == "digits" else (3, 50_000)
    trial = OurSteps(config, make_images(num_images, config.data.image_size, num_channels), torch.device(device))
    connection.send(None)
    while (asked := connection.recv()) is not None:
        threads, steps = asked
        torch.set_num_threads(threads)
        trial.run(steps)
        connection.send(None)


if __name__ == "__main__":
    main()
