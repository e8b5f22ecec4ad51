from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from ftlab.estimate.calibration.step_timing import Stopwatch, time_steps
from ftlab.training.trainer import Trainer


@dataclass
class FakeTrainer:
    """A trainer with a clock of its own: an epoch begins with ``draw`` seconds and a step takes ``step`` seconds."""

    num_steps: int
    draw: float
    step: float
    now: float = 0.0
    num_made: int = 0

    @property
    def batches(self) -> SimpleNamespace:
        return SimpleNamespace(steps_per_epoch=self.num_steps)

    def steps(self, epoch: int) -> Iterator[None]:
        assert epoch == 3
        self.now += self.draw
        for _ in range(self.num_steps):
            self.now += self.step
            self.num_made += 1
            yield

    def timed(self, seconds: float) -> tuple[float, int]:
        return time_steps(cast("Trainer", self), 3, seconds, Stopwatch(torch.device("cpu"), lambda: self.now))


@pytest.mark.parametrize(
    ("num_steps", "seconds", "made"),
    [
        (1, 3.0, 2),  # two epochs of one step, 1.5 s each
        (4, 6.0, 8),  # two epochs of 3 s
        (1000, 6.0, 10),  # a part of one
        (1000, 0.0, 2),  # at least a step beside the first
    ],
)
def test_an_epoch_is_told_from_its_beginning_and_its_steps(num_steps: int, seconds: float, made: int) -> None:
    trainer = FakeTrainer(num_steps, draw=1.0, step=0.5)
    found, timed_steps = trainer.timed(seconds)
    assert found == pytest.approx(1.0 + 0.5 * num_steps)
    assert timed_steps == trainer.num_made == made


@pytest.mark.parametrize(("pauses", "expected"), [([0.2, 0.01], 0.01), ([0.55, 0.01], 0.55), ([0.01, 0.7], 0.7)])
def test_the_second_of_two_short_calls_counts(pauses: list[float], expected: float) -> None:
    now = [0.0]

    def run() -> None:
        now[0] += pauses.pop(0)

    assert Stopwatch(torch.device("cpu"), lambda: now[0]).seconds(run) == pytest.approx(expected)
