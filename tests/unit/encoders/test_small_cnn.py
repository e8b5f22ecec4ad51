"""The average over the maps of the small convolutional network."""

import pytest
import torch
from torch import nn

from ftlab.encoders.small_cnn import GlobalAverage


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("side", [1, 2, 8])
def test_it_equals_torchs_pooling_bit_for_bit(memory_format: torch.memory_format, side: int) -> None:
    maps = torch.randn(6, 5, side, side, generator=torch.Generator().manual_seed(0)).to(memory_format=memory_format)
    weights = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    results = []
    for average in (GlobalAverage(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())):
        leaf = maps.clone().requires_grad_()
        features = average(leaf.relu())
        features.backward(weights)
        results.append((features, leaf.grad))
    (ours, our_gradient), (theirs, their_gradient) = results
    assert torch.equal(ours, theirs)
    assert torch.equal(our_gradient, their_gradient)


def test_its_gradient_takes_no_memory_of_its_own() -> None:
    maps = torch.randn(6, 5, 8, 8, requires_grad=True)
    received = []
    maps.register_hook(received.append)
    GlobalAverage()(maps).sum().backward()
    assert received[0].untyped_storage().nbytes() < maps.untyped_storage().nbytes()
