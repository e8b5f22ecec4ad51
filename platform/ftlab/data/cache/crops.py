"""Crops of images as torchvision makes them: boxes of photographs of several sizes on the host, and centres."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.data.cache.photos import Photos
from ftlab.data.sets.reader import UInt8Array


@dataclass(frozen=True)
class Crops:
    """Boxes that are cut out of photographs, step after step, and resized to one size.

    Attributes:
        photos: The photographs.
        boxes: (n, 4) of each step, on the CPU: left, top, width and height as fractions of the photograph's.
        size: Side of the results, in pixels.
    """

    photos: Photos
    boxes: Sequence[Tensor]
    size: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of photographs, then the shape of a result."""
        return (len(self.photos), self.photos.num_channels, self.size, self.size)

    def cut(self, step: int, rows: Tensor, out: Tensor) -> None:
        """Cut the boxes of a step out, with antialiasing.

        As in torchvision's ``RandomResizedCrop``, boxes have whole pixels, and what lies beyond them does not count.

        Args:
            step: 0-based step.
            rows: (n,) int64 photographs, on the CPU.
            out: (n, channels, size, size) uint8, on the CPU; it is overwritten.
        """
        photographs, boxes = rows.tolist(), self.boxes[step].tolist()

        def cut(place: int) -> None:
            photo = self.photos.photo(photographs[place])
            left, top, width, height = whole_box(boxes[place], photo.shape[1], photo.shape[0])
            box = _batch_of(photo[top : top + height, left : left + width])
            out[place] = _resize(box, (self.size, self.size))[0]

        _on_all_threads(cut, len(photographs))


def centre_crop(images: Tensor, size: int, *, short_side: int | None) -> Tensor:
    """Return the centre of images, as torchvision's ``Resize`` and ``CenterCrop`` make it.

    Args:
        images: (N, C, H, W) uint8.
        size: Side of the centre, in pixels.
        short_side: Short side that the images are resized to first, in pixels; None leaves them as they are.

    Returns:
        (N, C, size, size) uint8.
    """
    height, width = images.shape[2:]
    if short_side is not None:
        short = min(height, width)
        height, width = short_side * height // short, short_side * width // short
        images = images if images.shape[2:] == (height, width) else _resize(images, (height, width))
    top, left = round((height - size) / 2), round((width - size) / 2)
    return images[:, :, top : top + size, left : left + size]


def cut_centres(photos: Photos, rows: Tensor, *, size: int, short_side: int | None) -> Tensor:
    """Return the (n, channels, size, size) uint8 centres of photographs, see `centre_crop`."""
    photographs = rows.tolist()
    out = torch.empty((len(photographs), photos.num_channels, size, size), dtype=torch.uint8)

    def cut(place: int) -> None:
        photo = photos.photo(photographs[place])
        out[place] = centre_crop(_batch_of(photo), size, short_side=short_side)[0]

    _on_all_threads(cut, len(photographs))
    return out


def whole_box(fractions: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a box in whole pixels, within an image and at least one pixel large.

    >>> whole_box((0.5, 0.0, 0.5, 1.0), 640, 427)
    (320, 0, 320, 427)
    """
    left, top, across, down = fractions
    box_width, box_height = max(1, round(across * width)), max(1, round(down * height))
    return (
        min(round(left * width), width - box_width),
        min(round(top * height), height - box_height),
        box_width,
        box_height,
    )


def _resize(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return (N, C, H, W) uint8 images as uint8 of another height and width, with antialiasing as in torchvision."""
    if images.device.type == "cpu":
        return F.interpolate(images, shape, mode="bilinear", antialias=True)
    return F.interpolate(images.float(), shape, mode="bilinear", antialias=True).round_().byte()


def _batch_of(pixels: UInt8Array) -> Tensor:
    """Return (height, width, channels) pixels as (1, channels, height, width), copied from the disk at once."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None]


def _on_all_threads(work: Callable[[int], None], number: int) -> None:
    """Do 0, 1, ... ``number`` - 1 on as many threads as torch has: most of it needs no interpreter's lock."""
    num_threads = torch.get_num_threads()

    def do(places: Iterable[int]) -> None:
        for place in places:
            work(place)

    shares = [range(first, number, num_threads) for first in range(num_threads)]
    list(_pool(num_threads).map(do, shares) if num_threads > 1 else map(do, shares))


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads, thread_name_prefix="cuts")
