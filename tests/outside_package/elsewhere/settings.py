"""What the entry points name; imports no torch, because every command of ftlab reads it."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from ftlab.config.sections.method_section import MethodSection
from ftlab.config.setting import Trait
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.data.sets.reader import Chunk, DecodedDataset
from ftlab.data.views.recipes import ViewRecipe
from ftlab.encoders.backbones import Backbone

CROPS = ViewRecipe(crop_scale=(0.5, 1.0))
PLAIN_MLP = Backbone("elsewhere.networks:make_plain_mlp")


class BarlowTwinsSection(MethodSection):
    """The pretraining method: Barlow Twins."""

    implementation: ClassVar[str] = "elsewhere.barlow_twins:BarlowTwins"

    name: Annotated[Literal["barlow_twins"], Trait.EPOCH_COST] = Field("barlow_twins", description="Method.")
    redundancy_weight: float = Field(0.005, ge=0.0, le=1.0, description="Weight of the off-diagonal terms.")


class Stripes:
    """Two classes of noisy images, with stripes across or down."""

    def __init__(self, source: DatasetSource, home: Path) -> None:
        del home  # nothing is downloaded
        self._size = source.image_size

    def listing(self) -> list[str]:
        """Return the size: nothing else decides the images."""
        return [f"stripes {self._size}"]

    def decode(self) -> DecodedDataset:
        """Draw the images."""
        return DecodedDataset(("across", "down"), iter([self._draw(64, 0)]), iter([self._draw(32, 1)]))

    def _draw(self, number: int, seed: int) -> Chunk:
        random = np.random.default_rng(seed)
        labels = np.arange(number) % 2
        across = (np.arange(self._size) % 2 * 160)[:, None].repeat(self._size, axis=1)
        images = [(across if label == 0 else across.T) + random.integers(0, 96, across.shape) for label in labels]
        return Chunk(np.stack(images).astype(np.uint8)[:, None], labels)
