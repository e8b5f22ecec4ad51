from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import DataError


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    """Settings of a folder of random images."""
    root = tmp_path / "images"
    for number, name in enumerate(("train/cat", "train/dog", "test/cat", "test/dog")):
        (root / name).mkdir(parents=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(root / name / "1.png")
    return DataConfig(name="folder", root=str(root), image_size=8)


def test_a_node_that_holds_other_files_at_the_same_path_is_refused(
    config: DataConfig, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named_by = load_images(config, home).fingerprint
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "another node"))
    assert load_images(config, home, fingerprint=named_by).fingerprint == named_by
    Image.new("RGB", (8, 8)).save(Path(str(config.root)) / "train/cat/1.png")
    with pytest.raises(DataError, match=rf"those in {config.root} on .* differ: fingerprint .*, not {named_by}"):
        load_images(config, home, fingerprint=named_by)


def test_the_cache_is_built_by_each_node_for_itself(
    config: DataConfig, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = load_images(config, home).fingerprint
    assert (home / "cache" / fingerprint).is_dir()
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "another node"))
    load_images(config, home)
    assert (tmp_path / "another node" / "cache" / fingerprint).is_dir()
