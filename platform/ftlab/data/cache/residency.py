"""The images of a training: on its device when they fit, else memory-mapped and gathered batch by batch.

Photographs of several sizes stay memory-mapped: the device gets what is cut out of them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ftlab.data.cache.crops import Crops, centre_crop, cut_centres
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.read_ahead import ReadAhead
from ftlab.data.sets.reader import UInt8Array

HOST_BYTES = 2 * 1024**3
DEVICE_SHARE = 0.5


class ResidentImages:
    """The uint8 images of one split, handed out by row.

    Args:
        images: (N, channels, S, S) uint8, usually memory-mapped; or photographs of several sizes.
        device: Device of the training.
    """

    def __init__(self, images: UInt8Array | Photos, device: torch.device) -> None:
        self._device = device
        self._mapped = images
        fits = not isinstance(images, Photos) and images.nbytes <= _capacity(device)
        self._resident = torch.tensor(images, device=device) if fits else None

    def __len__(self) -> int:
        return len(self._mapped)

    def aspects(self, rows: Tensor) -> Tensor | None:
        """Return the (n,) widths of photographs divided by their heights, on the device; None for squares.

        Args:
            rows: (n,) int64 rows, on the CPU.
        """
        if not isinstance(self._mapped, Photos):
            return None
        height, width = torch.tensor(self._mapped.sizes[rows.numpy()]).unbind(1)
        return (width / height).float().to(self._device)

    def gather(self, rows: Tensor) -> Tensor:
        """Return the (n, channels, S, S) uint8 squares of (n,) int64 ``rows``, given on the CPU, on the device."""
        if self._resident is not None:
            return self._resident[rows.to(self._device, non_blocking=True)]
        if isinstance(self._mapped, Photos):
            raise TypeError("photographs differ in size, so they cannot be gathered")
        return self._send(torch.from_numpy(self._mapped[rows.numpy()]))

    def centres(self, rows: Tensor, *, size: int, short_side: int | None) -> Tensor:
        """Return the (n, channels, size, size) uint8 centres of images on the device, see `centre_crop`.

        Args:
            rows: (n,) int64 rows, on the CPU.
            size: Side of the centres, in pixels.
            short_side: Short side that images are resized to first, in pixels; None leaves squares as they are.
        """
        if isinstance(self._mapped, Photos):
            return self._send(cut_centres(self._mapped, rows, size=size, short_side=short_side))
        return centre_crop(self.gather(rows), size, short_side=short_side)

    def in_steps(self, rows: Sequence[Tensor], boxes: Sequence[Tensor] = (), size: int = 0) -> Callable[[int], Tensor]:
        """Return a function from a 0-based step to its images on the device, to be called step after step.

        Images that are not on the device are read ahead; see `ReadAhead` for how long they are valid.

        Args:
            rows: (n,) int64 rows of each step, on the CPU.
            boxes: Of photographs: what is cut out in each step, see `Crops`.
            size: Of photographs: the side of what is cut out, in pixels.
        """
        if isinstance(self._mapped, Photos):
            return ReadAhead(Crops(self._mapped, boxes, size), rows, self._device).of_step
        if self._resident is None:
            return ReadAhead(self._mapped, rows, self._device).of_step
        return lambda step: self.gather(rows[step])

    def _send(self, batch: Tensor) -> Tensor:
        if self._device.type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self._device, non_blocking=True)


def _capacity(device: torch.device) -> int:
    if device.type != "cuda":
        return HOST_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return int(free * DEVICE_SHARE)
