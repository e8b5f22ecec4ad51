"""The plain methods put together from lightly's heads and losses, as the examples of its documentation do."""

import copy
from typing import Any

import torch
from _lightly import plain_batch_norm
from _training import wait_for
from lightly.loss import NegativeCosineSimilarity, NTXentLoss, SwaVLoss
from lightly.models.modules import (
    MoCoProjectionHead,
    SimCLRProjectionHead,
    SimSiamPredictionHead,
    SimSiamProjectionHead,
    SwaVProjectionHead,
    SwaVPrototypes,
)
from lightly.models.utils import deactivate_requires_grad, update_momentum
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.config.sections.simsiam_section import SimSiamSection
from ftlab.config.sections.swav_section import SwAVSection
from ftlab.encoders.encoder import Encoder


class LightlyMethod(nn.Module):
    """A method whose ``forward`` returns the loss of two views of N images, (N, channels, H, W) each.

    Subclasses take the backbone, (N, channels, H, W) images to (N, F) features, F, C, and our settings of the method.

    Attributes:
        encoded_together: Whether both views go through the encoder as one batch, as in the authors' code of SimCLR and
            SwAV. In lightly's examples each goes by itself, and so is normalised by itself.
    """

    def __init__(self, backbone: nn.Module, projection_head: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.Sequential(backbone, projection_head)
        self.encoded_together = False

    def encode(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (N, C) projections of both views."""
        if not self.encoded_together:
            return self.encoder(first), self.encoder(second)
        one, other = self.encoder(torch.cat([first, second])).chunk(2)
        return one, other


class LightlyMoCo(LightlyMethod):
    """MoCo; the first view is the query."""

    def __init__(self, backbone: nn.Module, num_features: int, dim: int, settings: MoCoSection) -> None:
        super().__init__(backbone, MoCoProjectionHead(num_features, num_features, dim))
        self.key_encoder = copy.deepcopy(self.encoder)
        deactivate_requires_grad(self.key_encoder)
        self.criterion = NTXentLoss(settings.temperature, memory_bank_size=(settings.queue_size, dim))
        self.key_momentum = settings.key_momentum

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Move the key encoder, and return the loss."""
        update_momentum(self.encoder, self.key_encoder, self.key_momentum)
        with torch.no_grad():
            keys = self.key_encoder(second)
        loss: Tensor = self.criterion(self.encoder(first), keys)
        return loss


class LightlySimCLR(LightlyMethod):
    """SimCLR, with a head without batch normalisation, as ours has none."""

    def __init__(self, backbone: nn.Module, num_features: int, dim: int, settings: SimCLRSection) -> None:
        super().__init__(backbone, SimCLRProjectionHead(num_features, num_features, dim, batch_norm=False))
        self.criterion = NTXentLoss(settings.temperature)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss."""
        loss: Tensor = self.criterion(*self.encode(first, second))
        return loss


class LightlySwAV(LightlyMethod):
    """SwAV without a queue."""

    def __init__(self, backbone: nn.Module, num_features: int, dim: int, settings: SwAVSection) -> None:
        super().__init__(backbone, SwaVProjectionHead(num_features, settings.head_width, dim))
        self.prototypes = SwaVPrototypes(dim, settings.num_prototypes)
        self.criterion = SwaVLoss(settings.temperature, settings.sinkhorn_iterations, settings.epsilon)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Put the prototypes back on the unit sphere, and return the loss."""
        self.prototypes.normalize()
        scores = [self.prototypes(F.normalize(projections)) for projections in self.encode(first, second)]
        loss: Tensor = self.criterion(scores, [])[0]
        return loss


class LightlySimSiam(LightlyMethod):
    """SimSiam; its projector has three layers."""

    def __init__(self, backbone: nn.Module, num_features: int, dim: int, settings: SimSiamSection) -> None:
        super().__init__(backbone, SimSiamProjectionHead(num_features, settings.head_width, dim))
        self.predictor = SimSiamPredictionHead(dim, settings.predictor_width, dim)
        self.criterion = NegativeCosineSimilarity()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss."""
        projections = self.encode(first, second)
        predictions = [self.predictor(each) for each in projections]
        one, other = (each.detach() for each in projections)
        loss: Tensor = 0.5 * (self.criterion(one, predictions[1]) + self.criterion(other, predictions[0]))
        return loss


METHODS: dict[type[Any], type[Any]] = {
    MoCoSection: LightlyMoCo,
    SimCLRSection: LightlySimCLR,
    SwAVSection: LightlySwAV,
    SimSiamSection: LightlySimSiam,
}


def make_lightly(settings: Any, encoder: Encoder, dim: int) -> LightlyMethod:
    """Return lightly's counterpart of a method, with a copy of our backbone and heads of its own.

    Args:
        settings: Our settings of the method.
        encoder: Our encoder.
        dim: C.
    """
    method: LightlyMethod = METHODS[type(settings)](plain_batch_norm(encoder), encoder.num_features, dim, settings)
    return method


class PeerSteps:
    """Training steps of lightly's method on the same views each time.

    Args:
        peer: The method.
        views: Two views of N images, (N, channels, H, W) each.
        learning_rate: Of SGD.
        precision: Of the forward pass.
        device: Device of the training.
    """

    def __init__(
        self,
        peer: LightlyMethod,
        views: list[Tensor],
        learning_rate: float,
        precision: torch.dtype,
        device: torch.device,
    ) -> None:
        self._peer = peer.to(device)
        trained = [parameter for parameter in peer.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=0.9, weight_decay=5e-4)
        self._views = [images.to(device) for images in views]
        self._precision = precision
        self._device = device

    def run(self, num_steps: int) -> None:
        """Train, and wait until the device has."""
        for _ in range(num_steps):
            with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
                loss = self._peer(*self._views)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
        wait_for(self._device)
