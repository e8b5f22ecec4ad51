from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WriteFolder = Callable[..., Path]


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Write class folders of small random images: `write_folder("a", {"train/cat": 3, "test/cat": 1}, mode="L")`."""

    def write(name: str, counts: Mapping[str, int], *, mode: str = "RGB", size: tuple[int, int] = (6, 6)) -> Path:
        root = tmp_path / name
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for position in range(count):
                pixels = np.random.default_rng([len(folder), position]).integers(
                    0, 256, (size[1], size[0], 3), np.uint8
                )
                Image.fromarray(pixels).convert(mode).save(root / folder / f"{position}.png")
        return root

    return write
