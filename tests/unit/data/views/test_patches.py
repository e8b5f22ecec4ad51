"""Places of the patches of a jigsaw puzzle."""

import pytest
import torch
from torch import Tensor

from ftlab.data.views.parameters import ViewParameters, sample_parameters
from ftlab.data.views.patches import CROP, GRID, NUM_PATCHES, PATCH, WHOLE, patch_size, sample_patches, whole_size
from ftlab.data.views.two_views import make_views

NUM_IMAGES = 500


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def corners() -> Tensor:
    """Return the (N, 9, 2) left and top of each patch in its crop, which is drawn first, as fractions of its sides."""
    crops = sample_parameters(CROP, NUM_IMAGES, generator=seeded(), num_channels=1).matrices[:, None]
    matrices = sample_patches(NUM_IMAGES, generator=seeded()).matrices
    sides = crops[..., [0, 1], [0, 1]]
    torch.testing.assert_close(matrices[..., [0, 1], [0, 1]], (PATCH / WHOLE * sides).expand(-1, NUM_PATCHES, -1))
    assert (matrices[..., [0, 1], [1, 0]] == 0).all()
    return ((matrices[..., 2] - crops[..., 2]) / sides + 1 - PATCH / WHOLE) / 2


def test_each_cell_has_a_patch_within_it() -> None:
    # A patch may touch the edge of its cell.
    places = (corners() * GRID + 1e-4).floor()
    room = corners() - places / GRID
    assert sorted(set(map(tuple, places.flatten(0, 1).int().tolist()))) == [(x, y) for x in range(3) for y in range(3)]
    for cells in (places[..., 0] + GRID * places[..., 1]).sort(dim=1).values:
        assert cells.tolist() == list(range(NUM_PATCHES))
    largest = 1 / GRID - PATCH / WHOLE
    assert -1e-4 < room.min().item() <= room.max().item() < largest + 1e-4
    assert room.mean().item() == pytest.approx(largest / 2, rel=0.05)


def test_cells_come_in_random_order() -> None:
    places = (corners() * GRID + 1e-4).floor()
    cells = (places[..., 0] + GRID * places[..., 1]).long()
    counts = torch.stack([torch.bincount(column, minlength=NUM_PATCHES) for column in cells.unbind(1)])
    # Each of 9 x 9 is Binomial(500, 1/9), of deviation 7.
    assert (counts - NUM_IMAGES / NUM_PATCHES).abs().max().item() < 4.5 * 7


@pytest.mark.parametrize("axis", [0, 1])
def test_a_patch_shows_its_place(axis: int) -> None:
    side, size = 60, 17
    ramp = (torch.arange(side) * 255 / (side - 1)).round().to(torch.uint8)
    image = ramp.expand(side, -1) if axis == 0 else ramp[:, None].expand(-1, side)
    matrices = sample_patches(20, generator=seeded()).matrices
    for place in range(NUM_PATCHES):
        parameters = ViewParameters(matrices[:, place], rotated=False)
        patches = 255 * make_views(
            image[None, None].repeat(20, 1, 1, 1), parameters, size=size, mean=(0.0,), std=(1.0,)
        )
        centres = (matrices[:, place, axis, 2] + 1) / 2 * side - 0.5
        expected = centres * 255 / (side - 1)
        torch.testing.assert_close(patches.mean(dim=(1, 2, 3)), expected, rtol=0, atol=3.0)


def test_photographs_are_cut_first() -> None:
    matrices, boxes = sample_patches(NUM_IMAGES, generator=seeded(), aspects=torch.full((NUM_IMAGES,), 1.5))
    assert boxes is not None
    areas = boxes[:, 2] * boxes[:, 3]
    assert 0.6 - 1e-5 <= areas.min().item() <= areas.max().item() <= 1.0 + 1e-5
    torch.testing.assert_close(
        matrices[..., [0, 1], [0, 1]].abs(), torch.full((NUM_IMAGES, NUM_PATCHES, 2), PATCH / WHOLE)
    )
    reach = matrices[..., 2].abs() + PATCH / WHOLE
    assert reach.max().item() <= 1 + 1e-5


def test_sides_are_those_of_the_authors_at_their_views() -> None:
    assert (whole_size(224), patch_size(224)) == (255, 64)
