"""The sharpness of views that shrink or are blurred, against torchvision's pipeline."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as oracle

from ftlab.data.views.blur import blur_kernel_size, gaussian_blur
from ftlab.data.views.geometry import crop_matrices, resample

NUM_IMAGES = 16
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def textures(size: int) -> Tensor:
    """Return images with the spectrum of photographs: amplitudes fall as one over the frequency."""
    random = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1.0
    noise = np.fft.ifft2(np.fft.fft2(random.normal(size=(NUM_IMAGES, 3, size, size))) / frequency).real
    return torch.from_numpy((128 + 45 * noise / noise.std()).clip(0, 255).astype(np.uint8))


def sharpness(images: Tensor) -> float:
    """Return the energy of the Laplacian away from the borders."""
    kernel = LAPLACIAN.expand(images.shape[1], 1, 3, 3)
    return F.conv2d(images.float(), kernel, groups=images.shape[1])[..., 1:-1, 1:-1].square().mean().item()


def crops(boxes: list[tuple[int, int, int, int]], side: int, degrees: float | None = None) -> Tensor:
    """Return the matrices of boxes: left, top, width and height in pixels."""
    left, top, width, height = (torch.tensor(boxes) / side).unbind(1)
    turned = None if degrees is None else torch.full((len(boxes),), degrees)
    return crop_matrices(left, top, width, height, torch.zeros(len(boxes), dtype=torch.bool), turned)


@pytest.mark.parametrize(("side", "size"), [(96, 64), (96, 32), (64, 56), (40, 24), (128, 32), (97, 63)])
def test_a_view_that_shrinks_is_as_sharp_as_torchvisions(side: int, size: int) -> None:
    images = textures(side)
    boxes = [(0, 0, side, side), (1, 2, side - 3, side - 2), (side // 5, 0, side * 3 // 4, side * 2 // 3)]
    boxes = [boxes[number % len(boxes)] for number in range(NUM_IMAGES)]
    found = resample(images.float(), crops(boxes, side), size, black_outside=False)
    expected = []
    for image, (left, top, width, height) in zip(images, boxes, strict=True):
        photo = Image.fromarray(image.permute(1, 2, 0).numpy())
        crop = oracle.resized_crop(photo, top, left, height, width, [size, size])
        expected.append(oracle.pil_to_tensor(crop).float())
    assert sharpness(found) == pytest.approx(sharpness(torch.stack(expected)), rel=0.03)
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(found[inner], torch.stack(expected)[inner], rtol=0, atol=1.1)


@pytest.mark.parametrize(("side", "size", "degrees"), [(97, 64, 8.0), (97, 48, -15.0), (65, 32, 90.0), (97, 70, 45.0)])
def test_a_turned_view_that_shrinks_is_as_sharp_as_torchvisions(side: int, size: int, degrees: float) -> None:
    images = textures(side)
    room = side // 8
    box = (room, room, side - 2 * room, side - 2 * room)  # around the centre, which torchvision turns images about
    found = resample(images.float(), crops([box] * NUM_IMAGES, side, degrees), size, black_outside=True)
    turned = oracle.rotate(images.float(), degrees, oracle.InterpolationMode.BILINEAR)
    expected = oracle.resized_crop(turned, *box, [size, size], antialias=True)
    assert sharpness(found) == pytest.approx(sharpness(expected), rel=0.03)


@pytest.mark.parametrize("size", [16, 32, 64, 96])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 2.0])
def test_a_blur_is_as_strong_as_its_deviation_says(size: int, sigma: float) -> None:
    images = textures(size).float()
    found = gaussian_blur(images, torch.full((NUM_IMAGES, 1, 1, 1), sigma))
    expected = oracle.gaussian_blur(images, [2 * min(12, size - 1) + 1] * 2, [sigma] * 2)
    assert sharpness(found) == pytest.approx(sharpness(expected), rel=0.03)


@pytest.mark.parametrize("size", [16, 32, 64, 96])
@pytest.mark.parametrize("largest", [1.0, 2.0, 3.0])
def test_the_kernel_has_the_deviation_that_is_asked_for(size: int, largest: float) -> None:
    point = torch.zeros(1, 1, size, size)
    point[..., size // 2, size // 2] = 1.0
    blurred = gaussian_blur(point, torch.full((1, 1, 1, 1), largest), largest)[0, 0].sum(dim=0)
    offsets = torch.arange(size) - size // 2
    if blur_kernel_size(size, largest) < size:
        assert (blurred @ (offsets**2).float()).sqrt().item() == pytest.approx(largest, rel=0.03)
