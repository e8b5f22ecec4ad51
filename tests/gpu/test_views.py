"""Views made on the device against those of the CPU, from the same images and parameters."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from ftlab.data.views.blur import NO_BLUR
from ftlab.data.views.recipes import BUILT_IN as RECIPES
from ftlab.data.views.two_views import ViewParameters, make_views, normalise, sample_parameters

NUM_IMAGES = 24
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
# In noise, neighbours differ by up to 255. A pixel's place, up to 96, is off by a few of float32's 6e-8 of that, and
# colours are stretched by up to 1.4 three times over.
GRAY_LEVELS = 0.1

MakeGenerator = Callable[[int], torch.Generator]


def moved(parameters: ViewParameters, device: torch.device) -> ViewParameters:
    tensors: dict[str, Any] = {
        name: value.to(device) for name, value in vars(parameters).items() if torch.is_tensor(value)
    }
    return replace(parameters, **tensors)


@pytest.mark.parametrize(("size", "view"), [(32, 32), (96, 96), (96, 64), (32, 8)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_views_of_fixed_parameters_are_those_of_the_cpu(
    device: torch.device, recipe: str, channels: int, size: int, view: int
) -> None:
    random = torch.Generator().manual_seed(0)
    shape = (NUM_IMAGES, channels, size, size)
    images = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    images[0], images[1] = 0, 255
    parameters = sample_parameters(RECIPES[recipe], NUM_IMAGES, generator=random, num_channels=channels)
    mean, std = MEAN[:channels], STD[:channels]
    expected = make_views(images, parameters, size=view, mean=mean, std=std)
    found = make_views(images.to(device), moved(parameters, device), size=view, mean=mean, std=std)
    assert (found.dtype, found.device.type) == (torch.float32, device.type)
    differs = (found.cpu() - expected).abs() > GRAY_LEVELS / 255 / min(STD)
    # Where RandAugment posterises, solarises or equalises, a rounding error may be a step.
    assert differs.float().mean().item() <= (0.01 if RECIPES[recipe].rand_augment else 0.0)


def test_normalised_images_are_those_of_the_cpu(device: torch.device) -> None:
    images = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    torch.testing.assert_close(
        normalise(images.to(device), MEAN, STD).cpu(), normalise(images, MEAN, STD), rtol=0, atol=1e-5
    )


def test_parameters_drawn_on_the_device_follow_the_recipe(make_generator: MakeGenerator) -> None:
    num_views = 8000
    drawn = sample_parameters(RECIPES["moco_v2"], num_views, generator=make_generator(0), num_channels=3)
    same = sample_parameters(RECIPES["moco_v2"], num_views, generator=make_generator(0), num_channels=3)
    assert torch.equal(drawn.matrices, same.matrices)
    assert drawn.brightness is not None
    assert drawn.hue is not None
    assert drawn.colour_kept is not None
    assert drawn.blur_sigma is not None
    shares = {
        0.5: [drawn.matrices[:, 0, 0] < 0, drawn.blur_sigma > NO_BLUR],
        0.8: [drawn.brightness != 1, drawn.hue != 0],
        0.2: [drawn.colour_kept == 0],
    }
    for probability, happened in shares.items():
        assert [each.float().mean().item() for each in happened] == pytest.approx(
            [probability] * len(happened), abs=0.02
        )
    half_sides = drawn.matrices[:, [0, 1], [0, 1]].abs()
    # Whole images, where no crop fits, are as wide as high.
    areas = half_sides.prod(dim=1)
    assert 0.2 - 1e-5 <= areas.min().item() <= areas.max().item() <= 1 + 1e-5
    assert (half_sides + drawn.matrices[:, :, 2].abs()).max().item() <= 1 + 1e-5
