"""The images of a training: on its device when they fit, else memory-mapped and gathered batch by batch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ftlab.data.cache.read_ahead import ReadAhead

HOST_BYTES = 2 * 1024**3
DEVICE_SHARE = 0.5


class ResidentImages:
    """The uint8 images of one split, handed out by row.

    Args:
        images: (N, channels, S, S) uint8, usually memory-mapped.
        device: Device of the training.
    """

    def __init__(self, images: np.ndarray, device: torch.device) -> None:
        self._device = device
        self._mapped = images
        self._resident = torch.tensor(images, device=device) if images.nbytes <= _capacity(device) else None

    def __len__(self) -> int:
        return len(self._mapped)

    def gather(self, rows: Tensor) -> Tensor:
        """Return the (n, channels, S, S) uint8 images of (n,) int64 ``rows``, given on the CPU, on the device."""
        if self._resident is not None:
            return self._resident[rows.to(self._device, non_blocking=True)]
        batch = torch.from_numpy(self._mapped[rows.numpy()])
        if self._device.type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self._device, non_blocking=True)

    def in_steps(self, rows: Sequence[Tensor]) -> Callable[[int], Tensor]:
        """Return a function from a 0-based step to its images, as `gather` returns them, to be called step after step.

        Images that are not on the device are read ahead; see `ReadAhead` for how long they are valid.

        Args:
            rows: (n,) int64 rows of each step, on the CPU.
        """
        if self._resident is None:
            return ReadAhead(self._mapped, rows, self._device).of_step
        return lambda step: self.gather(rows[step])


def _capacity(device: torch.device) -> int:
    if device.type != "cuda":
        return HOST_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return int(free * DEVICE_SHARE)
