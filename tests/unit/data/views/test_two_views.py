from dataclasses import replace

import pytest
import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as oracle

from ftlab.data.views.blur import NO_BLUR, blur_kernel_size, gaussian_blur
from ftlab.data.views.colour import adjust_brightness, adjust_contrast, adjust_saturation, remove_colour, shift_hue
from ftlab.data.views.geometry import crop_matrices, resample
from ftlab.data.views.recipes import BUILT_IN as RECIPES
from ftlab.data.views.recipes import ViewRecipe
from ftlab.data.views.two_views import ViewParameters, make_views, normalise, sample_parameters

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
HALF_A_GRAY_LEVEL = 0.5


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(num_images=6, num_channels=3, size=32):
    shape = (num_images, num_channels, size, size)
    return torch.randint(0, 256, shape, generator=seeded(), dtype=torch.uint8)


def column(*values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def one_crop(size, top, left, height, width, *, flipped=False, degrees=None):
    fractions = [torch.tensor([value / size]) for value in (left, top, width, height)]
    return crop_matrices(*fractions, torch.tensor([flipped]), None if degrees is None else torch.tensor([degrees]))


def parameters_of(num_images, recipe="moco_v2", num_channels=3, seed=0):
    return sample_parameters(RECIPES[recipe], num_images, generator=seeded(seed), num_channels=num_channels)


class TestGeometry:
    def test_a_crop_of_the_views_size_is_copied(self):
        image = random_images(1).float()
        view = resample(image, one_crop(32, 5, 9, 16, 16), 16, black_outside=False)
        torch.testing.assert_close(view, image[:, :, 5:21, 9:25], rtol=0, atol=1e-3)

    @pytest.mark.parametrize("box", [(4, 6, 12, 10), (8, 3, 20, 25), (1, 2, 30, 27)])
    def test_an_interior_crop_equals_resized_crop_up_to_its_edge(self, box):
        image = random_images(1).float()
        view = resample(image, one_crop(32, *box), 24, black_outside=False)
        expected = oracle.resized_crop(image, *box, [24, 24], InterpolationMode.BILINEAR)
        torch.testing.assert_close(view[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], rtol=0, atol=1e-2)

    @pytest.mark.parametrize("size", [16, 32, 48])
    def test_the_whole_image_equals_resize_up_to_the_border(self, size):
        image = random_images(1).float()
        view = resample(image, one_crop(32, 0, 0, 32, 32), size, black_outside=False)
        expected = oracle.resize(image, [size, size])
        torch.testing.assert_close(view, expected, rtol=0, atol=1e-2)

    def test_a_flip_mirrors_the_crop(self):
        image = random_images(1).float()
        view = resample(image, one_crop(32, 5, 9, 16, 12), 16, black_outside=False)
        mirrored = resample(image, one_crop(32, 5, 9, 16, 12, flipped=True), 16, black_outside=False)
        torch.testing.assert_close(mirrored, oracle.hflip(view), rtol=0, atol=1e-2)

    @pytest.mark.parametrize("degrees", [-15.0, 4.0, 90.0])
    @pytest.mark.parametrize("flipped", [False, True])
    def test_a_rotation_turns_counter_clockwise_then_flips(self, degrees, flipped):
        image = random_images(1).float()
        matrices = one_crop(32, 0, 0, 32, 32, flipped=flipped, degrees=degrees)
        expected = oracle.rotate(image, degrees, InterpolationMode.BILINEAR)
        expected = oracle.hflip(expected) if flipped else expected
        torch.testing.assert_close(resample(image, matrices, 32, black_outside=True), expected, rtol=0, atol=1e-2)

    def test_a_rotated_crop_is_the_crop_of_the_image_rotated_about_its_centre(self):
        image = random_images(1, size=33).float()
        top, left, side = 8, 10, 17  # centre at pixel (16, 18)
        view = resample(image, one_crop(33, top, left, side, side, degrees=30.0), side, black_outside=True)
        rotated = oracle.rotate(image, 30.0, InterpolationMode.BILINEAR, center=[18.5, 16.5])
        torch.testing.assert_close(view, rotated[:, :, top : top + side, left : left + side], rtol=0, atol=1e-2)


class TestColour:
    FACTORS = (0.0, 0.6, 1.0, 1.4)

    @pytest.mark.parametrize(
        ("ours", "theirs", "num_channels"),
        [
            (adjust_brightness, oracle.adjust_brightness, 1),
            (adjust_brightness, oracle.adjust_brightness, 3),
            (adjust_contrast, oracle.adjust_contrast, 1),
            (adjust_contrast, oracle.adjust_contrast, 3),
            (adjust_saturation, oracle.adjust_saturation, 3),
        ],
    )
    def test_factors_equal_torchvisions(self, ours, theirs, num_channels):
        images = random_images(4, num_channels).float()
        expected = [theirs(image / 255, factor) * 255 for image, factor in zip(images, self.FACTORS, strict=True)]
        actual = ours(images.clone(), column(*self.FACTORS))
        torch.testing.assert_close(actual, torch.stack(expected), rtol=0, atol=1e-3)

    def test_hue_equals_torchvisions(self):
        images = random_images(7).float()
        images[0, :, :4] = images[0, :1, :4]  # some gray pixels, which have no hue
        images[1, 1] = images[1, 0]  # and some with two equal channels
        shifts = (0.1, -0.1, 0.0, 0.5, -0.5, 0.37, -0.23)
        expected = [oracle.adjust_hue(image / 255, shift) * 255 for image, shift in zip(images, shifts, strict=True)]
        actual = shift_hue(images.clone(), column(*shifts))
        torch.testing.assert_close(actual, torch.stack(expected), rtol=0, atol=1e-2)

    def test_grayscale_equals_torchvisions_and_spares_the_others_exactly(self):
        images = random_images(2).float()
        actual = remove_colour(images.clone(), column(0.0, 1.0))
        torch.testing.assert_close(actual[0], oracle.rgb_to_grayscale(images[0], 3), rtol=0, atol=1e-3)
        assert torch.equal(actual[1], images[1])


class TestBlur:
    @pytest.mark.parametrize("size", [8, 32, 64])
    def test_equals_torchvisions(self, size):
        images, sigmas = random_images(3, size=size).float(), (0.1, 0.8, 2.0)
        kernel_size = blur_kernel_size(size)
        expected = [
            oracle.gaussian_blur(image, [kernel_size] * 2, [sigma] * 2)
            for image, sigma in zip(images, sigmas, strict=True)
        ]
        actual = gaussian_blur(images, column(*sigmas))
        torch.testing.assert_close(actual, torch.stack(expected), rtol=0, atol=1e-3)

    def test_spares_an_image_exactly(self):
        images = random_images(2).float()
        actual = gaussian_blur(images, column(NO_BLUR, 2.0))
        assert torch.equal(actual[0], images[0])
        assert not torch.equal(actual[1], images[1])


class TestParameters:
    def test_crop_areas_and_ratios_follow_torchvision(self):
        num_images, side = 3000, 1000
        recipe = RECIPES["moco_v2"]
        matrices = parameters_of(num_images).matrices
        ours = matrices[:, 0, 0].abs(), matrices[:, 1, 1]  # widths and heights, as fractions
        torch.manual_seed(0)
        image = torch.empty(1, side, side)
        boxes = [RandomResizedCrop.get_params(image, recipe.crop_scale, recipe.crop_ratio) for _ in range(num_images)]
        _, _, heights, widths = torch.tensor(boxes).float().div(side).unbind(1)
        for one, other in ((ours[0] * ours[1], widths * heights), (ours[0] / ours[1], widths / heights)):
            assert kolmogorov_distance(one, other) < 0.05  # 0.1% critical value of 3,000 against 3,000

    def test_crops_lie_anywhere_within_the_image(self):
        recipe = ViewRecipe(crop_scale=(0.3, 1.0))
        matrices = sample_parameters(recipe, 4000, generator=seeded(), num_channels=1).matrices
        half_sides, centres = matrices.diagonal(dim1=1, dim2=2), matrices[:, :, 2]
        room = 1 - half_sides
        assert (room - centres.abs()).min() >= -1e-6
        positions = (centres / room)[room > 1e-3]
        assert kolmogorov_distance(positions, torch.linspace(-1, 1, 8000)) < 0.03

    def test_an_impossible_crop_takes_the_whole_image(self):
        recipe = ViewRecipe(crop_scale=(1.0, 1.0), crop_ratio=(2.0, 3.0))
        matrices = sample_parameters(recipe, 5, generator=seeded(), num_channels=1).matrices
        torch.testing.assert_close(matrices, torch.eye(2, 3).expand(5, 2, 3))

    def test_probabilities_are_the_recipes(self):
        parameters = parameters_of(8000)
        shares = {
            "flip": (parameters.matrices[:, 0, 0] < 0, 0.5),
            "jitter": (parameters.brightness != 1, 0.8),
            "gray": (parameters.colour_kept == 0, 0.2),
            "blur": (parameters.blur_sigma > NO_BLUR, 0.5),
        }
        for name, (happened, probability) in shares.items():
            assert happened.float().mean().item() == pytest.approx(probability, abs=0.02), name

    def test_strengths_are_uniform_in_their_range(self):
        parameters = parameters_of(8000)
        jittered = parameters.brightness != 1
        for values, low, high in (
            (parameters.brightness[jittered], 0.6, 1.4),
            (parameters.contrast[jittered], 0.6, 1.4),
            (parameters.saturation[jittered], 0.6, 1.4),
            (parameters.hue[jittered], -0.1, 0.1),
            (parameters.blur_sigma[parameters.blur_sigma > NO_BLUR], 0.1, 2.0),
        ):
            assert low <= values.min() <= values.max() <= high
            uniform = torch.linspace(low, high, len(values))
            assert kolmogorov_distance(values, uniform) < 0.03

    def test_jitter_is_applied_to_all_four_or_none(self):
        parameters = parameters_of(500)
        changed = [
            parameters.brightness != 1,
            parameters.contrast != 1,
            parameters.saturation != 1,
            parameters.hue != 0,
        ]
        assert all(torch.equal(changed[0], other) for other in changed[1:])

    def test_angles_are_uniform(self):
        matrices = parameters_of(4000, "digits", num_channels=1).matrices
        angles = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).rad2deg()
        assert kolmogorov_distance(angles, torch.linspace(-15, 15, 4000)) < 0.04

    def test_unused_steps_are_none(self):
        digits = parameters_of(3, "digits", num_channels=1)
        assert (digits.hue, digits.saturation, digits.colour_kept, digits.blur_sigma) == (None,) * 4
        gray = parameters_of(3, "moco_v2", num_channels=1)
        assert (gray.hue, gray.saturation, gray.colour_kept) == (None,) * 3
        assert gray.blur_sigma is not None
        assert parameters_of(3, "moco_v1").blur_sigma is None

    def test_the_generator_decides_alone(self):
        torch.manual_seed(1)
        first, same, other = parameters_of(9), parameters_of(9), parameters_of(9, seed=1)
        assert torch.equal(first.matrices, same.matrices)
        assert torch.equal(first.blur_sigma, same.blur_sigma)
        assert not torch.equal(first.matrices, other.matrices)

    @pytest.mark.parametrize("rows", [slice(2, 5), torch.tensor([2, 3, 4])])
    def test_rows_select_views(self, rows):
        parameters = parameters_of(9)
        chosen = parameters[rows]
        assert len(chosen) == 3
        assert torch.equal(chosen.hue, parameters.hue[2:5])
        assert parameters_of(9, "digits", 1)[rows].hue is None


class TestViews:
    def test_follow_torchvision_step_by_step(self):
        image, box = random_images(1), (5, 9, 20, 18)
        parameters = ViewParameters(
            one_crop(32, *box, flipped=True), False, *map(column, (1.3, 0.7, 1.2, 0.08, 1.0, 1.1))
        )
        view = make_views(image, parameters, size=20, mean=MEAN, std=STD)
        steps = oracle.resized_crop(image / 255, *box, [20, 20], InterpolationMode.BILINEAR, antialias=False)
        steps = oracle.adjust_contrast(oracle.adjust_brightness(oracle.hflip(steps), 1.3), 0.7)
        steps = oracle.adjust_hue(oracle.adjust_saturation(steps, 1.2), 0.08)
        expected = oracle.normalize(oracle.gaussian_blur(steps, [blur_kernel_size(20)] * 2, [1.1, 1.1]), MEAN, STD)
        # contrast sees the whole crop, whose outermost pixels differ by design
        tolerance = HALF_A_GRAY_LEVEL / 255 / min(STD)
        torch.testing.assert_close(view[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3], rtol=0, atol=tolerance)

    @pytest.mark.parametrize(("recipe", "num_channels", "size"), [("moco_v2", 3, 32), ("digits", 1, 8)])
    def test_do_not_depend_on_their_batch(self, recipe, num_channels, size):
        images, parameters = random_images(9, num_channels, size), parameters_of(9, recipe, num_channels)
        settings = {"size": size, "mean": MEAN[:num_channels], "std": STD[:num_channels]}
        together = make_views(images, parameters, **settings)
        rows = [slice(row, row + 1) for row in range(9)]
        alone = torch.cat([make_views(images[row], parameters[row], **settings) for row in rows])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)

    def test_of_the_whole_image_without_changes_are_the_normalised_image(self):
        images = random_images(2)
        matrices = one_crop(32, 0, 0, 32, 32).expand(2, 2, 3)
        views = make_views(images, ViewParameters(matrices, rotated=False), size=32, mean=MEAN, std=STD)
        torch.testing.assert_close(views, normalise(images, MEAN, STD), rtol=0, atol=1e-4)

    def test_leave_images_and_parameters_alone(self):
        images, parameters = random_images(4), parameters_of(4)
        before = images.clone(), parameters.brightness.clone()
        first = make_views(images, parameters, size=32, mean=MEAN, std=STD)
        assert torch.equal(images, before[0])
        assert torch.equal(parameters.brightness, before[1])
        assert torch.equal(first, make_views(images, parameters, size=32, mean=MEAN, std=STD))

    @pytest.mark.parametrize("recipe", sorted(RECIPES))
    @pytest.mark.parametrize("num_channels", [1, 3])
    def test_are_finite_of_any_size_and_dtype_float32(self, recipe, num_channels):
        images = random_images(5, num_channels, 20)
        images[0], images[1] = 0, 255
        parameters = parameters_of(5, recipe, num_channels)
        views = make_views(images, parameters, size=12, mean=MEAN[:num_channels], std=STD[:num_channels])
        assert (views.shape, views.dtype) == ((5, num_channels, 12, 12), torch.float32)
        assert views.isfinite().all()

    def test_never_read_a_value_back(self):
        """On the meta device there are no values, so any synchronisation with the host fails."""
        parameters = parameters_of(4)
        tensors = {name: value.to("meta") for name, value in vars(parameters).items() if torch.is_tensor(value)}
        images = torch.empty(4, 3, 32, 32, dtype=torch.uint8, device="meta")
        views = make_views(images, replace(parameters, **tensors), size=24, mean=MEAN, std=STD)
        assert views.shape == (4, 3, 24, 24)

    def test_normalise_equals_torchvisions(self):
        images = random_images()
        torch.testing.assert_close(normalise(images, MEAN, STD), oracle.normalize(images / 255, MEAN, STD))


def kolmogorov_distance(one, other):
    """Return the largest difference between two empirical distribution functions."""
    points = torch.cat([one, other]).sort().values
    below = [torch.searchsorted(values.sort().values, points, right=True) / len(values) for values in (one, other)]
    return (below[0] - below[1]).abs().max().item()
