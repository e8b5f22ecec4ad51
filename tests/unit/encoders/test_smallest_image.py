"""Backbones take images of any size from the one on that their table says."""

import pytest
import torch

from ftlab.encoders.backbones import BUILT_IN
from ftlab.encoders.encoder import make_encoder

LEAST_VIEW = 4


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_backbone_takes_images_from_its_smallest_on(name: str) -> None:
    smallest = BUILT_IN[name].smallest_image
    assert smallest is not None
    encoder = make_encoder(
        backbone=name, stem="imagenet", head="linear", feature_dim=2, num_channels=3, bn_groups=1
    ).eval()
    for size in (max(smallest, LEAST_VIEW), max(smallest, LEAST_VIEW) + 9):
        assert encoder(torch.ones(1, 3, size, size)).isfinite().all()
    if smallest > LEAST_VIEW:
        with pytest.raises(RuntimeError):
            encoder(torch.ones(1, 3, smallest - 1, smallest - 1))
