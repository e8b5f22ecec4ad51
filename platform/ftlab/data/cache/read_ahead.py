"""The images of one step after another, read from the disk by a thread ahead of the training."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from weakref import finalize

import numpy as np
import torch
from torch import Tensor

from ftlab.data.cache.crops import Crops
from ftlab.data.sets.reader import UInt8Array

STEPS_AHEAD = 2


class ReadAhead:
    """Hands out the images of an epoch's steps in order, while a thread reads those of the next `STEPS_AHEAD`.

    The thread gathers into buffers that it uses again. For a GPU they are pinned and copied on a stream of their own,
    and no step makes the host wait for the device. The thread ends with the last step, with the first error, or when
    its consumer stops early and forgets the object.

    Args:
        images: (N, channels, S, S) uint8, memory-mapped; or what is cut out of photographs. The buffers hold nothing
            else, however large the photographs are.
        rows: (n,) int64 rows of each step, on the CPU, at least one step.
        device: Device that the images are wanted on.
    """

    def __init__(self, images: UInt8Array | Crops, rows: Sequence[Tensor], device: torch.device) -> None:
        self._rows = rows
        host = _HostReader(images, rows, pinned=device.type == "cuda")
        self._reader = _CudaReader(host, device) if device.type == "cuda" else host
        self._pending: deque[Future[Any]] = deque()
        self._next_step = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="images")
        self._end = finalize(self, self._thread.shutdown, wait=False, cancel_futures=True)
        for step in range(STEPS_AHEAD):
            self._order(step)

    def of_step(self, step: int) -> Tensor:
        """Return the (n, channels, S, S) uint8 images of a step on the device; steps are asked for in order.

        On the CPU they are valid until the next step is asked for.

        Raises:
            ValueError: Another step comes next.
            Exception: Whatever reading them raised.
        """
        if step != self._next_step:
            raise ValueError(f"steps must be asked for in order, but got {step} where {self._next_step} comes next.")
        self._next_step += 1
        self._order(step + STEPS_AHEAD)
        try:
            images = self._reader.receive(self._pending.popleft().result())
        except BaseException:
            self._end()
            raise
        if not self._pending:
            self._end()
        return images

    def _order(self, step: int) -> None:
        if step < len(self._rows):
            self._pending.append(self._thread.submit(self._reader.read, step))


class _HostReader:
    """Reads into buffers of the host, one more than are read ahead: the last one is with the consumer."""

    def __init__(self, images: UInt8Array | Crops, rows: Sequence[Tensor], *, pinned: bool) -> None:
        self._images = images
        self._rows = rows
        shape = (max(map(len, rows)), *images.shape[1:])
        self._buffers = [torch.empty(shape, dtype=torch.uint8, pin_memory=pinned) for _ in range(STEPS_AHEAD + 1)]

    def read(self, step: int) -> Tensor:
        rows = self._rows[step]
        buffer = self._buffers[step % len(self._buffers)][: len(rows)]
        if isinstance(self._images, Crops):
            self._images.cut(step, rows, buffer)
        else:
            # With any other mode NumPy would gather into memory of its own first.
            np.take(self._images, rows.numpy(), axis=0, out=buffer.numpy(), mode="clip")
        return buffer

    def receive(self, images: Tensor) -> Tensor:
        return images


class _CudaReader:
    """Reads into pinned buffers and copies them to the device on a stream of its own."""

    def __init__(self, host: _HostReader, device: torch.device) -> None:
        self._host = host
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._copied: deque[torch.cuda.Event] = deque()

    def read(self, step: int) -> tuple[Tensor, torch.cuda.Event]:
        if len(self._copied) > STEPS_AHEAD:
            self._copied.popleft().synchronize()  # the buffer's last content has left it; only this thread waits
        images = self._host.read(step)
        copied = torch.cuda.Event(blocking=True)
        with torch.cuda.stream(self._stream):
            sent = images.to(self._device, non_blocking=True)
            copied.record()
        self._copied.append(copied)
        return sent, copied

    def receive(self, sent: tuple[Tensor, torch.cuda.Event]) -> Tensor:
        images, copied = sent
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(copied)
        images.record_stream(stream)  # its memory is the side stream's, which must not give it away meanwhile
        return images
