from math import cos, pi

import pytest

from ftlab.training.schedule import CosineSchedule


def test_follows_the_cosine_to_its_floor() -> None:
    schedule = CosineSchedule(peak=0.03, epochs=200)
    for epoch in range(1, 201):  # as the paper's code counts them
        expected = 0.03e-3 + (0.03 - 0.03e-3) * (1 + cos(pi * epoch / 200)) / 2
        assert schedule.learning_rate(epoch - 1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("epochs", [2, 5, 100, 200])
def test_the_last_epoch_has_the_floor(epochs: int) -> None:
    assert CosineSchedule(peak=0.03, epochs=epochs).learning_rate(epochs - 1) == pytest.approx(3e-5, rel=1e-12)


def test_landmarks() -> None:
    schedule = CosineSchedule(peak=2.0, epochs=100, floor=0.1)
    assert schedule.learning_rate(0) == pytest.approx(0.2 + 1.8 * (1 + cos(pi / 100)) / 2)
    assert schedule.learning_rate(49) == pytest.approx(1.1)
    assert schedule.learning_rate(99) == pytest.approx(0.2)


@pytest.mark.parametrize("floor", [0.0, 1e-3, 0.5, 1.0])
@pytest.mark.parametrize("warmup_epochs", [0, 3])
def test_never_falls_below_the_floor_nor_rises_after_the_warmup(floor: float, warmup_epochs: int) -> None:
    schedule = CosineSchedule(peak=0.5, epochs=30, floor=floor, warmup_epochs=warmup_epochs)
    rates = [schedule.learning_rate(epoch) for epoch in range(warmup_epochs, 30)]
    assert rates[0] <= 0.5
    assert rates[-1] == pytest.approx(0.5 * floor)
    assert rates == sorted(rates, reverse=True)
    assert min(rates) >= 0.5 * floor * (1 - 1e-12)


def test_warms_up_linearly_to_the_peak() -> None:
    schedule = CosineSchedule(peak=1.0, epochs=12, warmup_epochs=4)
    assert [schedule.learning_rate(epoch) for epoch in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedule.learning_rate(7) == pytest.approx(1e-3 + (1 - 1e-3) / 2)


def test_a_single_epoch_has_the_peak() -> None:
    assert CosineSchedule(peak=0.1, epochs=1).learning_rate(0) == 0.1
