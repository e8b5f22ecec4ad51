import itertools

import pytest
import torch

from ftlab.training.step_series import MAX_FIRST_STEPS, MAX_STEPS, step_series


def steps_of(num_steps: int, steps_before: int) -> list[float]:
    series = step_series(torch.arange(num_steps, dtype=torch.float64)[:, None], ["place"], steps_before)
    assert [step - steps_before - 1 for step in series["step"]] == series["place"]
    return series["step"]


@pytest.mark.parametrize("steps_before", [0, 10])
def test_a_short_epoch_keeps_all_steps(steps_before: int) -> None:
    statistics = torch.tensor([[0.123456789, 1.0], [2e-9 / 3, -1.0]], dtype=torch.float64)
    assert step_series(statistics, ["a", "b"], steps_before) == {
        "step": [steps_before + 1, steps_before + 2],
        "a": [0.123457, 6.66667e-10],
        "b": [1.0, -1.0],
    }


@pytest.mark.parametrize("num_steps", [1, 19, 20, 21, 39, 100, 497])
def test_a_long_epoch_keeps_evenly_spaced_steps_and_the_last(num_steps: int) -> None:
    steps = steps_of(num_steps, 7)
    assert len(steps) == min(num_steps, MAX_STEPS)
    assert steps[-1] == 7 + num_steps
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps)}
    assert not gaps or max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("num_steps", [1, 2, 21, 495, 2000])
def test_the_first_epoch_keeps_every_step(num_steps: int) -> None:
    assert steps_of(num_steps, 0) == list(range(1, num_steps + 1))


@pytest.mark.parametrize("num_steps", [2001, 2500, 5004, 100_000])
def test_a_very_long_first_epoch_keeps_evenly_spaced_steps_from_the_first_to_the_last(num_steps: int) -> None:
    steps = steps_of(num_steps, 0)
    assert (len(steps), steps[0], steps[-1]) == (MAX_FIRST_STEPS, 1, num_steps)
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps)}
    assert max(gaps) - min(gaps) <= 1
