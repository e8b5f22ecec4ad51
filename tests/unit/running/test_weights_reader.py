"""Files of weights made elsewhere are read without running code, and known by their weights alone."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from ftlab.config.weights_file import WeightsConfig
from ftlab.errors import CheckpointError, ConfigError
from ftlab.running.transfer.weights_reader import read_weights


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(torchvision.models.resnet18(num_classes=2).state_dict())


def saved(content: Any, path: Path, **settings: Any) -> WeightsConfig:
    torch.save(content, path)
    return WeightsConfig(file=str(path), model="resnet18", **settings)


def test_a_backbone_is_known_by_its_weights_in_every_file(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    plain = read_weights(saved(state, tmp_path / "a.pth"))
    nested = saved({"model": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "b.pth.tar")
    assert read_weights(nested.model_copy(update={"prefix": "module."})).digest == plain.digest
    save_file(state, tmp_path / "c.safetensors")
    tensors = WeightsConfig(file=str(tmp_path / "c.safetensors"), kind="timm", model="resnet18")
    assert read_weights(tensors).digest == plain.digest
    other = {**state, "bn1.bias": state["bn1.bias"] + 1}
    assert read_weights(saved(other, tmp_path / "d.pth")).digest != plain.digest


def test_a_line_says_what_was_taken_and_dropped(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    config = saved(state, tmp_path / "a.pth", name="mine")
    read = read_weights(config)
    assert read.note == (
        f"mine: made elsewhere, resnet18 of a.pth, weights of digest {read.digest}, images normalised "
        "by mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225; dropped: fc."
    )
    assert read.encoder().num_features == 512


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.safetensors"])
def test_code_in_a_file_is_not_run(name: str, tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    message = (
        "in the format of safetensors" if name.endswith(".safetensors") else "tensors and plain values alone, as code"
    )
    with pytest.raises(CheckpointError, match=message):
        read_weights(saved({"state_dict": {}, "args": Malicious(owned)}, tmp_path / name))
    assert not owned.exists()


def test_a_file_that_is_none_is_named(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    config = saved(state, tmp_path / "a.pth")
    path = tmp_path / "a.pth"
    content = path.read_bytes()
    for damaged in (b"", b"weights", content[:1000], content[:-1000], content[1000:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"a\.pth must hold tensors and plain values alone"):
            read_weights(config)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"must be a readable file, but .*a\.pth is not: No such file"):
        read_weights(config)
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="It is no plain file"):
        read_weights(config)


def test_images_are_normalised_as_the_weights_were_trained(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    own = saved(state, tmp_path / "a.pth", mean=[0.5, 0.5, 0.5], std=[0.5, 0.25, 0.5])
    assert read_weights(own).std == (0.5, 0.25, 0.5)
    grey = {**state, "conv1.weight": state["conv1.weight"][:, :1]}
    with pytest.raises(ConfigError, match=r"mean and std must have a value for each .* has 1 channels and got none"):
        read_weights(saved(grey, tmp_path / "a.pth"))
    assert read_weights(saved(grey, tmp_path / "a.pth", mean=[0.3], std=[0.4])).mean == (0.3,)
    for wrong in ({"mean": [0.5]}, {"mean": [0.5], "std": [0.5, 0.5]}, {"mean": [0.5], "std": [0.0]}):
        with pytest.raises(ValueError, match=r"mean and std must be given together|std must be above 0"):
            WeightsConfig(file="a.pth", **wrong)
