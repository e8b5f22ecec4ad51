"""The views of both MoCo recipes against torchvision's own random transforms, parameter by parameter and as a whole."""

from math import sqrt

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as oracle

from ftlab.data.views.blur import NO_BLUR, blur_kernel_size
from ftlab.data.views.geometry import crop_matrices
from ftlab.data.views.recipes import BUILT_IN as RECIPES
from ftlab.data.views.two_views import ViewParameters, make_views, sample_parameters

NUM_DRAWS = 2000
SIDE = 1000  # torchvision's crops are whole pixels
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)

# The recipes of arXiv 2108.02982 in torchvision's words.
JITTERS = {"moco_v1": (0.4, 0.4, 0.4, 0.4), "moco_v2": (0.4, 0.4, 0.4, 0.1)}
PROBABILITIES = {
    "moco_v1": {"flip": 0.5, "jitter": 1.0, "gray": 0.2},
    "moco_v2": {"flip": 0.5, "jitter": 0.8, "gray": 0.2, "blur": 0.5},
}

both_recipes = pytest.mark.parametrize("recipe", sorted(JITTERS))


def ours(recipe: str) -> ViewParameters:
    generator = torch.Generator().manual_seed(0)
    return sample_parameters(RECIPES[recipe], NUM_DRAWS, generator=generator, num_channels=3)


def theirs(transform: v2.Transform, image: Tensor) -> dict[str, Tensor]:
    """Draw the parameters of a transform of torchvision's as often as ours."""
    torch.manual_seed(0)
    drawn = [transform.make_params([image]) for _ in range(NUM_DRAWS)]
    return {name: torch.tensor([draw[name] for draw in drawn]) for name in drawn[0] if name != "fn_idx"}


def assert_same_distribution(one: Tensor, other: Tensor) -> None:
    """Compare two samples by Kolmogorov and Smirnov's test at 0.1%."""
    points = torch.cat([one, other]).sort().values
    below = [torch.searchsorted(values.sort().values, points, right=True) / len(values) for values in (one, other)]
    critical = 1.95 * sqrt(1 / len(one) + 1 / len(other))
    assert (below[0] - below[1]).abs().max().item() < critical


@both_recipes
def test_crops(recipe: str) -> None:
    matrices = ours(recipe).matrices
    width, height = matrices[:, 0, 0].abs(), matrices[:, 1, 1]
    left, top = (matrices[:, 0, 2] + 1 - width) / 2, (matrices[:, 1, 2] + 1 - height) / 2
    drawn = theirs(v2.RandomResizedCrop(224, scale=(0.2, 1.0)), torch.empty(3, SIDE, SIDE))
    their_width, their_height = drawn["width"] / SIDE, drawn["height"] / SIDE
    assert_same_distribution(width * height, their_width * their_height)
    assert_same_distribution(width / height, their_width / their_height)
    assert_same_distribution(left, drawn["left"] / SIDE)
    assert_same_distribution(top, drawn["top"] / SIDE)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(6400, 4270), (4270, 6400), (12000, 2600), (2600, 12000)], ids=str)
def test_crops_of_photographs(size: tuple[int, int]) -> None:
    width, height = size
    generator = torch.Generator().manual_seed(0)
    aspects = torch.full((NUM_DRAWS,), width / height)
    boxes = sample_parameters(RECIPES["moco_v2"], NUM_DRAWS, generator=generator, num_channels=3, aspects=aspects).boxes
    assert boxes is not None
    drawn = theirs(v2.RandomResizedCrop(224, scale=(0.2, 1.0)), torch.empty(3, height, width, device="meta"))
    for found, name, side in zip(boxes.unbind(1), ("left", "top", "width", "height"), size * 2, strict=True):
        # Theirs are whole pixels, and where no attempt fits, all are in one place.
        assert_same_distribution((found * side / 10).round(), (drawn[name] / 10).round())


@both_recipes
def test_colour_jitter(recipe: str) -> None:
    parameters, drawn = ours(recipe), theirs(v2.ColorJitter(*JITTERS[recipe]), torch.empty(3, 8, 8))
    jittered = (parameters.brightness != 1).flatten()
    for name in ("brightness", "contrast", "saturation", "hue"):
        values = getattr(parameters, name).flatten()[jittered]
        assert_same_distribution(values, drawn[f"{name}_factor"])


def test_blur() -> None:
    sigmas = ours("moco_v2").blur_sigma.flatten()
    drawn = theirs(v2.GaussianBlur(23, sigma=(0.1, 2.0)), torch.empty(3, 32, 32))
    assert_same_distribution(sigmas[sigmas > NO_BLUR], drawn["sigma"][:, 0])
    assert ours("moco_v1").blur_sigma is None


@both_recipes
def test_how_often_each_change_happens(recipe: str) -> None:
    parameters = ours(recipe)
    happened = {
        "flip": parameters.matrices[:, 0, 0] < 0,
        "jitter": parameters.brightness != 1,
        "gray": parameters.colour_kept == 0,
    }
    if parameters.blur_sigma is not None:
        happened["blur"] = parameters.blur_sigma > NO_BLUR
    assert happened.keys() == PROBABILITIES[recipe].keys()
    for name, probability in PROBABILITIES[recipe].items():
        deviation = sqrt(probability * (1 - probability) / NUM_DRAWS)
        assert abs(happened[name].float().mean().item() - probability) <= 3.3 * deviation, name


@pytest.mark.parametrize("kept", [1.0, 0.0])
@pytest.mark.parametrize(
    ("factors", "hue", "sigma"),
    [((1.35, 0.65, 1.3), 0.35, None), ((0.7, 1.3, 0.8), -0.1, 1.1)],
    ids=["moco_v1", "moco_v2"],
)
def test_pixels_of_fixed_parameters(
    factors: tuple[float, float, float], hue: float, sigma: float | None, kept: float
) -> None:
    image = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    top, left, height, width = 5, 9, 20, 18
    fractions = [torch.tensor([value / 32]) for value in (left, top, width, height)]
    brightness, contrast, saturation, shift, colour_kept = (
        torch.tensor([value]).view(1, 1, 1, 1) for value in (*factors, hue, kept)
    )
    blur = None if sigma is None else torch.tensor([sigma]).view(1, 1, 1, 1)
    matrices = crop_matrices(*fractions, torch.tensor([True]), None)
    parameters = ViewParameters(matrices, False, brightness, contrast, saturation, shift, colour_kept, blur)
    view = make_views(image, parameters, size=20, mean=MEAN, std=STD)

    expected = oracle.resized_crop(image / 255, top, left, height, width, [20, 20], antialias=False)
    expected = oracle.horizontal_flip(expected)
    expected = oracle.adjust_contrast(oracle.adjust_brightness(expected, factors[0]), factors[1])
    expected = oracle.adjust_hue(oracle.adjust_saturation(expected, factors[2]), hue)
    expected = expected if kept else oracle.rgb_to_grayscale(expected, num_output_channels=3)
    if sigma is not None:
        expected = oracle.gaussian_blur(expected, [blur_kernel_size(20)] * 2, [sigma] * 2)
    expected = oracle.normalize(expected, MEAN, STD)
    # Contrast sees the whole crop, whose outermost pixels differ by design; half a gray level.
    torch.testing.assert_close(view[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3], rtol=0, atol=0.5 / 255 / min(STD))
