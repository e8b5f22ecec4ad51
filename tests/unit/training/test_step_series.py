import itertools

import pytest
import torch

from ftlab.training.step_series import MAX_STEPS, step_series


def test_a_short_epoch_keeps_all_steps() -> None:
    series = step_series(torch.tensor([[0.123456789, 1.0], [2e-9 / 3, -1.0]], dtype=torch.float64), ["a", "b"], 10)
    assert series == {"step": [11, 12], "a": [0.123457, 6.66667e-10], "b": [1.0, -1.0]}


@pytest.mark.parametrize("num_steps", [1, 19, 20, 21, 39, 100, 497])
def test_a_long_epoch_keeps_evenly_spaced_steps_and_the_last(num_steps: int) -> None:
    series = step_series(torch.arange(num_steps, dtype=torch.float64)[:, None], ["place"], 0)
    steps = series["step"]
    assert len(steps) == len(series["place"]) == min(num_steps, MAX_STEPS)
    assert steps[-1] == num_steps
    assert [step - 1 for step in steps] == series["place"]
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps)}
    assert not gaps or max(gaps) - min(gaps) <= 1
