import pytest
import torch

from ftlab.encoders.channel_adapter import ChannelAdapter
from ftlab.errors import DataError


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_colours_become_their_luma(images: torch.Tensor) -> None:
    found = ChannelAdapter(3, 1, (0.4,), (0.2,)).double()(images)
    assert found.shape == (2, 1, 4, 5)
    for place, image in enumerate(images):
        for row in range(4):
            for column in range(5):
                red, green, blue = image[:, row, column].tolist()
                grey = 0.299 * red + 0.587 * green + 0.114 * blue
                assert found[place, 0, row, column].item() == pytest.approx((grey - 0.4) / 0.2, abs=1e-6)


def test_grey_becomes_three_equal_channels_each_normalised(images: torch.Tensor) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    found = ChannelAdapter(1, 3, mean, std).double()(images[:, :1])
    for channel in range(3):
        expected = (images[:, 0] - mean[channel]) / std[channel]
        assert torch.allclose(found[:, channel], expected, atol=1e-6)


def test_a_grey_image_of_three_channels_is_what_it_was(images: torch.Tensor) -> None:
    grey = images[:, :1]
    there_and_back = ChannelAdapter(3, 1, (0.0,), (1.0,)).double()(grey.expand(-1, 3, -1, -1))
    assert torch.allclose(there_and_back, grey, atol=1e-6)


def test_equal_channels_are_only_normalised(images: torch.Tensor) -> None:
    found = ChannelAdapter(3, 3, (0.5,) * 3, (0.25,) * 3).double()(images)
    assert torch.allclose(found, (images - 0.5) / 0.25)


@pytest.mark.parametrize(("given", "wanted"), [(2, 1), (4, 3), (1, 2)])
def test_other_numbers_of_channels_are_refused(given: int, wanted: int) -> None:
    with pytest.raises(DataError, match=rf"must have 1 or 3 channels for an encoder of {wanted}, but have {given}"):
        ChannelAdapter(given, wanted, (0.0,) * wanted, (1.0,) * wanted)


def test_it_adds_nothing_to_a_state() -> None:
    assert ChannelAdapter(3, 1, (0.0,), (1.0,)).state_dict() == {}
