"""RandAugment's operations against timm's on Pillow images, and how they are drawn."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import auto_augment as timm
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from ftlab.data.views.parameters import ViewParameters, sample_parameters
from ftlab.data.views.rand_augment import Operation, rand_augment
from ftlab.data.views.recipes import BUILT_IN as RECIPES
from ftlab.data.views.recipes import RandAugment, ViewRecipe
from ftlab.data.views.sharpness import adjust_sharpness
from ftlab.data.views.two_views import make_views

SIZE = 32
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
FILL = (102, 128, 153)
RECIPE = RECIPES["infomin"]
# timm's names, and by how many gray levels its integers may differ from our numbers.
TIMM = {
    Operation.AUTO_CONTRAST: ("AutoContrast", 1.0),
    Operation.EQUALISE: ("Equalize", 0.0),
    Operation.INVERT: ("Invert", 0.0),
    Operation.POSTERISE: ("Posterize", 0.0),
    Operation.SOLARISE: ("Solarize", 0.0),
    Operation.SOLARISE_ADD: ("SolarizeAdd", 0.0),
    Operation.SATURATE: ("Color", 1.5),
    Operation.CONTRAST: ("Contrast", 1.5),
    Operation.BRIGHTEN: ("Brightness", 1.0),
    Operation.SHARPEN: ("Sharpness", 1.5),
}
MOVES = {
    Operation.ROTATE: "Rotate",
    Operation.SHEAR_X: "ShearX",
    Operation.SHEAR_Y: "ShearY",
    Operation.TRANSLATE_X: "TranslateXRel",
    Operation.TRANSLATE_Y: "TranslateYRel",
}


def photograph(size: int = SIZE) -> Tensor:
    """Return a (1, 3, size, size) uint8 image with gradients, an edge, a little noise, and no black and white."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size
    planes = np.stack([30 + 180 * x, 220 - 150 * y, 100 + 60 * np.sin(6 * x + 4 * y)])
    planes[:, size // 4 : size // 2, size // 4 : size // 2] += 30
    return torch.from_numpy((planes + random.normal(0, 4, planes.shape)).clip(12, 240).astype(np.uint8))[None]


def ours(image: Tensor, operation: Operation, strength: float, fill: tuple[int, ...] = FILL) -> Tensor:
    operations, strengths = torch.tensor([[operation]]), torch.tensor([[strength]])
    return rand_augment(image.float(), operations, strengths, torch.tensor(fill).float().view(1, -1, 1, 1))


def theirs(image: Tensor, name: str, strength: float) -> tuple[Tensor, float]:
    """Return timm's image, and the sign of the argument that it drew."""
    picture = Image.fromarray(image[0].permute(1, 2, 0).numpy())
    level_to_argument = timm.LEVEL_TO_ARG[name]
    arguments = level_to_argument(10 * strength, {}) if level_to_argument else ()
    done = timm.NAME_TO_OP[name](picture, *arguments, resample=Image.Resampling.BILINEAR, fillcolor=FILL)
    return oracle.pil_to_tensor(done)[None].float(), -1.0 if arguments and arguments[0] < 0 else 1.0


@pytest.mark.parametrize(
    ("operation", "strength"),
    list(product(TIMM, [1.0, 0.96, 0.5, 0.28])),
    ids=lambda value: getattr(value, "name", value),
)
def test_an_operation_on_intensities_is_timms(operation: Operation, strength: float) -> None:
    name, tolerance = TIMM[operation]
    expected, _ = theirs(photograph(), name, strength)
    torch.testing.assert_close(ours(photograph(), operation, strength), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("operation", "strength"), list(product(MOVES, [1.0, 0.93, 0.4])), ids=lambda value: getattr(value, "name", value)
)
def test_a_move_is_timms_up_to_the_edge(operation: Operation, strength: float) -> None:
    expected, sign = theirs(photograph(), MOVES[operation], strength)
    found = ours(photograph(), operation, sign * strength)
    within = ours(torch.full((1, 1, SIZE, SIZE), 255), operation, sign * strength, fill=(0,))
    # Pillow's edge is hard, ours is one pixel wide.
    inside, outside = (within > 254.9).expand_as(found), (within == 0).expand_as(found)
    assert inside.float().mean().item() > 0.4
    # Pillow cuts off what is behind the point.
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1.001)
    torch.testing.assert_close(found[outside], expected[outside], rtol=0, atol=1e-3)
    assert (strength < 1.0) or outside.any()


@pytest.mark.parametrize("operation", MOVES)
def test_the_sign_is_the_direction(operation: Operation) -> None:
    image = photograph()
    there = ours(image, operation, 1.0)
    back = ours(image, operation, -1.0)
    assert (there - back).abs().mean().item() > 5


def test_sharpness_equals_torchvisions() -> None:
    images, factors = photograph().float().repeat(4, 1, 1, 1), (0.0, 0.7, 1.0, 1.9)
    expected = [
        oracle.adjust_sharpness(image / 255, factor) * 255 for image, factor in zip(images, factors, strict=True)
    ]
    found = adjust_sharpness(images.clone(), torch.tensor(factors).view(-1, 1, 1, 1))
    torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=1e-3)


def test_each_image_has_its_own_operations_and_no_other_image_is_touched() -> None:
    image = photograph().float() + 0.3
    images = image.repeat(len(Operation), 1, 1, 1)
    first, second = torch.arange(len(Operation)), torch.arange(len(Operation)).flip(0)
    strengths = torch.linspace(0.2, 1.0, 2 * len(Operation)).view(-1, 2)
    fill = torch.tensor(FILL).float().view(1, -1, 1, 1)
    together = rand_augment(images.clone(), torch.stack([first, second], dim=1), strengths, fill)
    for row, found in enumerate(together):
        alone = image.clone()
        for place, operation in enumerate((first[row], second[row])):
            alone = rand_augment(alone, operation.view(1, 1), strengths[row, place].view(1, 1), fill)
        torch.testing.assert_close(found, alone[0], rtol=0, atol=1e-3)
    untouched = rand_augment(images.clone(), torch.zeros(len(images), 2, dtype=torch.int64), strengths, fill)
    assert torch.equal(untouched, images)


@pytest.mark.parametrize("level", [0, 7, 255])
def test_images_of_one_intensity_stay_finite(level: int) -> None:
    image = torch.full((1, 3, 4, 4), level, dtype=torch.uint8)
    for operation in Operation:
        found = ours(image, operation, 1.0)
        assert found.isfinite().all()
        assert 0 <= found.min().item() <= found.max().item() <= 255
    for operation in (Operation.AUTO_CONTRAST, Operation.EQUALISE):
        assert torch.equal(ours(image, operation, 1.0), image.float())


def drawn(num_views: int = 9000, recipe: ViewRecipe = RECIPE, seed: int = 0) -> ViewParameters:
    return sample_parameters(recipe, num_views, generator=torch.Generator().manual_seed(seed), num_channels=3)


def test_operations_are_drawn_with_replacement_and_half_of_them_applied() -> None:
    operations = drawn().operations
    assert operations is not None
    assert operations.shape == (9000, 2)
    shares = torch.bincount(operations.flatten(), minlength=len(Operation)) / operations.numel()
    assert shares[Operation.NOTHING].item() == pytest.approx(0.5, abs=0.015)
    assert shares[1:].tolist() == pytest.approx([0.5 / 15] * 15, abs=0.006)
    twice = (operations[:, 0] == operations[:, 1]) & (operations[:, 0] > 0)
    assert twice.float().mean().item() == pytest.approx(0.25 / 15, abs=0.005)


def test_strengths_are_normal_and_cut_off() -> None:
    strengths = drawn().strengths
    assert strengths is not None
    magnitudes = 10 * strengths.abs()
    assert magnitudes.max().item() == 10
    for below, share in ((10.0, 0.5), (9.5, 0.1587), (9.0, 0.0228)):
        assert (magnitudes < below).float().mean().item() == pytest.approx(share, abs=0.015)
    assert (strengths < 0).float().mean().item() == pytest.approx(0.5, abs=0.015)


def test_settings_of_the_recipe_decide() -> None:
    augment = RandAugment(num_operations=3, magnitude=4.0, magnitude_deviation=0.0, probability=1.0)
    parameters = drawn(50, replace(RECIPE, rand_augment=augment))
    assert parameters.operations is not None
    assert parameters.strengths is not None
    assert parameters.operations.shape == (50, 3)
    assert (parameters.operations > 0).all()
    torch.testing.assert_close(parameters.strengths.abs(), torch.full((50, 3), 0.4))


def tensors_of(parameters: ViewParameters) -> dict[str, Tensor]:
    return {name: value for name, value in vars(parameters).items() if torch.is_tensor(value)}


def test_the_generator_decides_alone() -> None:
    first, same, other = drawn(50), drawn(50), drawn(50, seed=1)
    assert all(torch.equal(value, tensors_of(same)[name]) for name, value in tensors_of(first).items())
    assert not torch.equal(first.operations, other.operations)
    assert not torch.equal(first.strengths, other.strengths)


def test_recipes_without_it_draw_none() -> None:
    for name in ("moco_v1", "moco_v2", "digits"):
        parameters = drawn(3, RECIPES[name])
        assert (parameters.operations, parameters.strengths) == (None, None)


def test_it_comes_after_the_blur_and_before_colours_are_lost() -> None:
    image = photograph()
    one = torch.ones(1, 1, 1, 1)
    matrices = torch.eye(2, 3)[None]
    settings: dict[str, Any] = {"size": SIZE, "mean": MEAN, "std": STD}
    operations, strengths = torch.tensor([[Operation.POSTERISE]]), torch.ones(1, 1)
    found = make_views(
        image,
        ViewParameters(
            matrices, False, colour_kept=0 * one, blur_sigma=one, operations=operations, strengths=strengths
        ),
        **settings,
    )
    blurred = make_views(image, ViewParameters(matrices, False, blur_sigma=one), **settings)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (MEAN, STD))
    levels = (blurred * std + mean) * 255
    expected = oracle.rgb_to_grayscale(levels - levels % 16, num_output_channels=3)
    # A pixel whose intensity is next to a step may be on either side.
    same = ((found * std + mean) * 255 - expected).abs() < 0.1
    assert same.float().mean().item() > 0.99


@pytest.mark.parametrize("num_channels", [1, 3])
@pytest.mark.parametrize("size", [4, 8, 32])
def test_views_do_not_depend_on_their_batch(num_channels: int, size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = photograph(size)[:, :num_channels].repeat(64, 1, 1, 1)
    parameters = sample_parameters(RECIPE, 64, generator=generator, num_channels=num_channels)
    settings: dict[str, Any] = {"size": size, "mean": MEAN[:num_channels], "std": STD[:num_channels]}
    together = make_views(images, parameters, **settings)
    rows = [slice(row, row + 4) for row in range(0, 64, 4)]
    apart = torch.cat([make_views(images[row], parameters[row], **settings) for row in rows])
    assert ((together - apart).abs() > 1e-4).float().mean().item() < 1e-3
    assert together.isfinite().all()


def test_no_value_is_read_back() -> None:
    parameters = drawn(4)
    on_meta: dict[str, Any] = {name: value.to("meta") for name, value in tensors_of(parameters).items()}
    images = torch.empty(4, 3, SIZE, SIZE, dtype=torch.uint8, device="meta")
    assert make_views(images, replace(parameters, **on_meta), size=24, mean=MEAN, std=STD).shape == (4, 3, 24, 24)
