"""InfoMin with feature transformation: MoCo, with a second query that is put together from shuffled patches."""

from dataclasses import replace
from typing import Protocol

from torch import Tensor, nn

from ftlab.contrast.loss import info_nce
from ftlab.data.views.patches import NUM_PATCHES
from ftlab.encoders.encoder import make_projection_head
from ftlab.methods.method import MethodParts, ParameterGroup, Streams, Views
from ftlab.methods.moco import MoCo, MoCoResult, MoCoSettings


class InfoMinSettings(MoCoSettings, Protocol):
    """The settings of InfoMin.

    Attributes:
        jigsaw_weight: Share of the patches' loss, in [0, 1]; 0 leaves it out.
    """

    @property
    def jigsaw_weight(self) -> float: ...  # noqa: D102 - described above


class InfoMin(MoCo):
    """InfoMin's recipe (arXiv 2005.10243) with feature transformation (arXiv 2108.02982).

    The loss is ``(1 - w)`` that of MoCo and ``w`` that of a jigsaw puzzle (arXiv 1912.01991): the query encoder's
    backbone sees 9 patches of the image, in random order; a head of their own projects each, and a linear layer all
    together to one query. It is contrasted with the key and the queue that MoCo's query meets, none of them
    transformed: the authors' code transforms MoCo's features alone. As there, the running statistics of batch
    normalisation are those of views and patches in turn.

    With a symmetric loss, the puzzle's key is that of the second view.

    Args:
        parts: The parts of the method.
        settings: The settings of InfoMin.
    """

    def __init__(self, parts: MethodParts, settings: InfoMinSettings) -> None:
        super().__init__(parts, settings)
        self.jigsaw_weight = settings.jigsaw_weight
        self.takes_patches = settings.jigsaw_weight > 0
        if self.takes_patches:
            num_features = self.query_encoder.num_features
            self.puzzle_head = parts.seeded("puzzle", lambda: PuzzleHead(num_features, parts.feature_dim))

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters of the encoder, and of the patches' head."""
        heads = [ParameterGroup(list(self.puzzle_head.parameters()))] if self.takes_patches else []
        return [*super().parameter_groups(), *heads]

    def step(self, views: Views, streams: Streams, epoch: int) -> MoCoResult:
        """Compute the loss of this rank's part of a batch; scores are those of MoCo's features alone.

        Args:
            views: Query views, key views, and the patches.
            streams: Coefficients of the ``positives``, coefficients and permutations of the ``negatives``.
            epoch: The 0-based epoch, which decides whether features are transformed.
        """
        result = super().step(views, streams, epoch)
        if views.patches is None:
            return result
        puzzles = self.encode(self._solve, views.patches)  # (n, C)
        keys = result.own_keys[: len(puzzles)]
        loss = info_nce(puzzles, keys, puzzles, self.queue.keys, self.temperature).loss
        return replace(result, loss=(1 - self.jigsaw_weight) * result.loss + self.jigsaw_weight * loss)

    def _solve(self, patches: Tensor) -> Tensor:
        """Return the (n, C) projections of (9 n, channels, H, W) patches, not normalised."""
        queries: Tensor = self.query_encoder(patches, self.puzzle_head)  # compiled, if the encoder is
        return queries


class PuzzleHead(nn.Module):
    """The projection of the patches of an image to one query.

    Args:
        num_features: F.
        feature_dim: C.
    """

    def __init__(self, num_features: int, feature_dim: int) -> None:
        super().__init__()
        self.of_patch = make_projection_head("mlp", num_features, feature_dim)
        self.together = nn.Linear(NUM_PATCHES * feature_dim, feature_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return the (n, C) projections of (9 n, F) features, those of an image in a row."""
        queries: Tensor = self.together(self.of_patch(features).unflatten(0, (-1, NUM_PATCHES)).flatten(1))
        return queries
