"""MoCo as lightly's users train it: lightly's transform, head, loss with memory bank and momentum update."""

import copy
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from _training import wait_for
from lightly.loss import NTXentLoss
from lightly.models.modules import MoCoProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms.moco_transform import MoCoV2Transform
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ftlab.encoders.batch_norm import GroupedBatchNorm


class LightlySteps:
    """Whole training steps with a PyTorch data loader.

    Args:
        backbone: (N, channels, H, W) images to (N, F) features.
        num_features: F.
        images: (M, channels, S, S) uint8.
        dim: C of the projections.
        queue_size: K.
        batch_size: N.
        num_workers: Processes of the data loader; 0 loads in this process.
        device: Device of the training.
        precision: Of the forward pass.
        transform: Settings of ``MoCoV2Transform``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        num_features: int,
        images: np.ndarray,
        *,
        dim: int,
        queue_size: int,
        batch_size: int,
        num_workers: int,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        **transform: Any,
    ) -> None:
        self._device = device
        self._precision = precision
        self._query = nn.Sequential(backbone, MoCoProjectionHead(num_features, num_features, dim)).to(device)
        self._key = copy.deepcopy(self._query)
        deactivate_requires_grad(self._key)
        self._criterion = NTXentLoss(temperature=0.1, memory_bank_size=(queue_size, dim)).to(device)
        self._optimizer = torch.optim.SGD(self._query.parameters(), lr=0.06, momentum=0.9, weight_decay=5e-4)
        self._loader = DataLoader(
            PillowImages(images, MoCoV2Transform(input_size=images.shape[-1], **transform)),
            batch_size=batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            pin_memory=device.type == "cuda",
        )
        self._batches = self._forever()

    def run(self, num_steps: int) -> None:
        """Train, and wait until the device has."""
        for _ in range(num_steps):
            self._step(*next(self._batches))
        wait_for(self._device)

    def _step(self, query_views: Tensor, key_views: Tensor) -> None:
        query_views, key_views = (views.to(self._device, non_blocking=True) for views in (query_views, key_views))
        update_momentum(self._query, self._key, m=0.99)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            queries = self._query(query_views)
            with torch.no_grad():
                keys = self._key(key_views)
        loss = self._criterion(queries.float(), keys.float())
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()

    def _forever(self) -> Iterator[Any]:
        while True:
            yield from self._loader


class OwnProcess:
    """Steps in a process of their own, as lightly's users run them: without what ftlab sets in its own.

    Args:
        make: Returns the steps: something whose ``run`` takes the number of steps.
        threads: Threads of torch.
        *arguments: Those of ``make``.
        **settings: Likewise.
    """

    def __init__(self, make: Callable[..., Any], threads: int, *arguments: Any, **settings: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        job = (theirs, threads, make, arguments, settings)
        self._process = context.Process(target=_serve_steps, args=job)
        self._process.start()

    def run(self, num_steps: int) -> None:
        """Have it train, and wait until it has."""
        self._connection.send(num_steps)
        self._connection.recv()

    def close(self) -> None:
        """End the process."""
        self._connection.send(0)
        self._process.join()


def _serve_steps(
    connection: Connection, threads: int, make: Callable[..., Any], arguments: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    torch.set_num_threads(threads)
    steps = make(*arguments, **settings)
    while num_steps := connection.recv():
        steps.run(num_steps)
        connection.send(None)


class PillowImages(Dataset[Any]):
    """Images as lightly's transforms take them.

    Args:
        images: (M, channels, S, S) uint8.
        transform: Makes two views of an image.
    """

    def __init__(self, images: np.ndarray, transform: Any) -> None:
        self._images = images
        self._transform = transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> Any:
        pixels = self._images[row]
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        return self._transform(image)


def plain_batch_norm(encoder: nn.Module) -> Any:
    """Return a copy of an encoder's backbone with PyTorch's batch normalisation, as lightly's users have it."""
    backbone: Any = copy.deepcopy(encoder.backbone)
    if hasattr(backbone, "_norm_layer"):  # torchvision's ResNets keep what made their norms; ours cannot be pickled
        backbone._norm_layer = nn.BatchNorm2d
    for module in list(backbone.modules()):
        for name, child in module.named_children():
            if isinstance(child, GroupedBatchNorm):
                setattr(module, name, nn.BatchNorm2d(child.num_features))
    return backbone
