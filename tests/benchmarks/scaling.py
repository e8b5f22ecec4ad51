"""Seconds of a step against the queue's size K, and seconds of an epoch against the number of images.

The digits profile's small encoder on one thread, where queue and data path weigh most. Both costs should grow on a
line: the figure draws the measured points and the fitted line, and the value is the largest distance from it.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
import torch
from _harness import RESULTS, report, seconds_of
from _training import OurSteps, cell_config, make_images
from matplotlib.axes import Axes

CPU = torch.device("cpu")
QUEUES = (1024, 4096, 16384, 32768, 65536)
IMAGES = (1024, 4096, 16384, 32768, 50048)
BATCH = 128


def main() -> None:
    """Time both, fit lines, draw them and report the largest relative distance of a point from its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    step_seconds = [step_of(queue, arguments.rounds) for queue in QUEUES]
    epoch_seconds = [epoch_of(images) for images in IMAGES]
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    distances = [
        draw(left, QUEUES, step_seconds, "negatives K", "seconds a step"),
        draw(right, IMAGES, epoch_seconds, "training images", "seconds an epoch"),
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(RESULTS / "scaling.png", dpi=150)
    details = {
        "steps/s by K": {queue: round(1 / seconds, 1) for queue, seconds in zip(QUEUES, step_seconds, strict=True)},
        "steps/s by images": {
            images: round(images // BATCH / seconds, 1) for images, seconds in zip(IMAGES, epoch_seconds, strict=True)
        },
        "figure": str(RESULTS / "scaling.png"),
        "threads": 1,
    }
    report("scaling", distances, "largest relative distance from a line", details)


def step_of(queue_size: int, rounds: int) -> float:
    """Return the seconds of a step with both parts of FT, at best of some rounds."""
    steps = OurSteps(cell_config("digits", method__queue_size=queue_size), make_images(1280, 8, 1), CPU)
    steps.run(10)
    return min(seconds_of(lambda: steps.run(10), 1) / 10 for _ in range(rounds))


def epoch_of(num_images: int) -> float:
    """Return the seconds of an epoch, its views' parameters and its order included, after a warm-up."""
    steps = OurSteps(cell_config("digits"), make_images(num_images, 8, 1), CPU)
    num_steps = steps.trainer.batches.steps_per_epoch
    steps.run(num_steps)
    return seconds_of(lambda: steps.run(num_steps), 1)


def draw(axes: Axes, sizes: tuple[int, ...], seconds: list[float], across: str, upwards: str) -> float:
    """Draw points and fitted line; return the largest relative distance of a point from the line."""
    # Weighted by 1 / seconds, so that small and large sizes count alike.
    slope, offset = np.polyfit(sizes, seconds, 1, w=1 / np.array(seconds))
    fitted = offset + slope * np.array(sizes)
    axes.plot(sizes, seconds, "o", label="measured")
    axes.plot(sizes, fitted, "-", label="line")
    axes.set(xlabel=across, ylabel=upwards, ylim=(0, None), xlim=(0, None))
    axes.legend()
    return float(np.abs(fitted / seconds - 1).max())


if __name__ == "__main__":
    main()
