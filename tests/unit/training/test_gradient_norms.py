import pytest
import torch
from torch import nn

from ftlab.training.gradient_norms import GradientNorms


def test_norms_of_the_weights_by_layer() -> None:
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Sequential(nn.Linear(2, 3)))
    norms = GradientNorms(encoder)
    assert norms.names == ("0", "3.0")
    generator = torch.Generator().manual_seed(0)
    encoder(torch.randn(4, 1, 3, 3, generator=generator)).square().sum().backward()
    expected = [
        sum(g * g for g in layer.weight.grad.flatten().tolist()) ** 0.5 for layer in (encoder[0], encoder[3][0])
    ]
    assert norms.measure().tolist() == pytest.approx(expected, rel=1e-6)
