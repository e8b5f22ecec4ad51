"""Calibrate the duration of an epoch's steps from a few of them."""

import time
from collections.abc import Callable
from statistics import median

import torch

from ftlab.training.trainer import Trainer


class Stopwatch:
    """Takes the time of work on a device, which on CUDA lags behind the host.

    Args:
        device: Device of the work.
        clock: Returns the time of the host in seconds, without waiting for the device.
    """

    def __init__(self, device: torch.device, clock: Callable[[], float] = time.perf_counter) -> None:
        self._device = device
        self.clock = clock

    def now(self) -> float:
        """Wait for the device and return the time in seconds."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return self.clock()

    def seconds(self, run: Callable[[], object]) -> float:
        """Return the seconds of one call; a short call is made twice, because the first warms up."""
        for _ in range(2):
            started = self.now()
            run()
            taken = self.now() - started
            if taken > 0.5:
                break
        return taken


def time_steps(trainer: Trainer, epoch: int, seconds: float, watch: Stopwatch) -> tuple[float, int]:
    """Return the seconds that the steps of an epoch would take, and the number of steps that were timed.

    Args:
        trainer: A warm trainer; it cannot train afterwards.
        epoch: 0-based epoch whose steps are timed, repeatedly until the time is over.
        seconds: Time to spend, at least two steps.
        watch: Stopwatch of the device.
    """
    steps = trainer.batches.steps_per_epoch
    estimates: list[float] = []
    num_steps = 0
    deadline = watch.clock() + seconds
    while not estimates or watch.clock() < deadline:
        run = trainer.steps(epoch)
        began = watch.now()
        next(run)  # draws the epoch's order and views too
        first = watch.now()
        num_more = 0
        for _ in run:
            num_more += 1
            if watch.clock() >= deadline:
                break
        each = (watch.now() - first) / num_more if num_more else first - began
        estimates.append(first - began + (steps - 1) * each)
        num_steps += 1 + num_more
    return median(estimates), num_steps
