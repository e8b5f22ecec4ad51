import pytest
import torch

from ftlab.contrast.recent_features import RecentFeatures

C = 3


def features_of(step: int, rows: int) -> torch.Tensor:
    return torch.full((2, rows, C), float(step)) + torch.arange(2)[:, None, None] / 10


@pytest.mark.parametrize(("size", "batch"), [(4, 2), (5, 2), (3, 4)])
def test_the_newest_come_first_and_the_oldest_go(size: int, batch: int) -> None:
    recent = RecentFeatures(2, size, C)
    steps = [step for step in range(1, 5) for _ in range(batch)]
    for step in range(1, 5):
        assert bool(recent.is_full) == ((step - 1) * batch >= size)
        recent.enqueue(features_of(step, batch))
    expected = torch.tensor(sorted(steps, reverse=True)[:size], dtype=torch.float32)
    for view in range(2):
        torch.testing.assert_close(recent.features[view, :, 0], expected + view / 10)


def test_everything_is_saved() -> None:
    recent, restored = RecentFeatures(2, 4, C), RecentFeatures(2, 4, C)
    recent.enqueue(features_of(1, 3))
    restored.load_state_dict(recent.state_dict())
    assert restored.num_enqueued == 3
    assert torch.equal(restored.features, recent.features)
