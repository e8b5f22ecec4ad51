"""Weights of lightly's backbones give the same features through ours as in their own model."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from ftlab.config.weights_file import WeightsConfig
from ftlab.running.transfer.weights_reader import read_weights

pytestmark = pytest.mark.peers
pytest.importorskip("lightly", reason="lightly is not installed: make test-peers installs it")


class SimSiam(nn.Module):
    """The model of lightly's example: a numbered backbone, and its heads."""

    def __init__(self) -> None:
        from lightly.models.modules import SimSiamPredictionHead, SimSiamProjectionHead

        super().__init__()
        self.backbone = nn.Sequential(*list(torchvision.models.resnet18().children())[:-1])
        self.projection_head = SimSiamProjectionHead(512, 512, 128)
        self.prediction_head = SimSiamPredictionHead(128, 64, 128)


@torch.no_grad()
def test_a_checkpoint_of_the_simsiam_example(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SimSiam()
    images = torch.randn(4, 3, 64, 64)
    model.backbone(3 * images)  # moves the running statistics
    path = tmp_path / "simsiam.ckpt"
    torch.save({"epoch": 1, "state_dict": model.state_dict()}, path)
    config = WeightsConfig(file=str(path), kind="lightly", prefix="backbone.", model="resnet18")
    read = read_weights(config)
    assert read.found.dropped == ("projection_head", "prediction_head")
    expected = model.eval().backbone(images).flatten(start_dim=1)
    torch.testing.assert_close(read.encoder().backbone(images), expected, rtol=0, atol=1e-5)
