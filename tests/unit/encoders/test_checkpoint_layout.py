"""Backbones of other programs' checkpoints: found by their prefix, whole, with the features that they had there."""

from collections.abc import Mapping
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from ftlab.encoders.backbones import Layout
from ftlab.encoders.checkpoint_layout import find_weights, make_resnet_of
from ftlab.errors import CheckpointError, ConfigError


def seeded(model: nn.Module) -> nn.Module:
    """Return a model with running statistics and scales that no initialisation has."""
    generator = torch.Generator().manual_seed(0)
    for name, value in model.state_dict().items():
        if name.endswith(("running_var", "bn1.weight", "bn2.weight")):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        elif name.endswith(("running_mean", "bias")):
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
    return model.eval()


@pytest.fixture(scope="module")
def resnet() -> Any:
    torch.manual_seed(0)
    return seeded(torchvision.models.resnet18(num_classes=5))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def prefixed(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


@torch.no_grad()
def features(checkpoint: object, images: Tensor, layout: Layout = "torchvision", prefix: str = "") -> Tensor:
    found = find_weights(checkpoint, layout, prefix, "resnet18")
    network, num_features = make_resnet_of(found, "resnet18")
    made: Tensor = network(images)
    assert made.shape == (len(images), num_features)
    return made


@torch.no_grad()
def features_of(resnet: Any, images: Tensor) -> Tensor:
    """Return the features of torchvision's own model: what its classifier takes."""
    taken: list[Tensor] = []
    handle = resnet.fc.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    resnet(images)
    handle.remove()
    return taken[0]


def test_torchvisions_features(resnet: Any, images: Tensor) -> None:
    found = features(resnet.state_dict(), images)
    torch.testing.assert_close(found, features_of(resnet, images), rtol=0, atol=1e-5)


def test_timms_features(images: Tensor) -> None:
    torch.manual_seed(0)
    model = seeded(timm.create_model("resnet18", num_classes=0))
    with torch.no_grad():
        expected = model(images)
    torch.testing.assert_close(features(model.state_dict(), images, "timm"), expected, rtol=0, atol=1e-5)


def test_numbered_children(resnet: Any, images: Tensor) -> None:
    numbered = nn.Sequential(*list(resnet.children())[:-1])
    checkpoint = {"state_dict": prefixed(numbered.state_dict(), "backbone."), "epoch": 3}
    found = features(checkpoint, images, "lightly", "backbone.")
    torch.testing.assert_close(found, features_of(resnet, images), rtol=0, atol=1e-5)


def test_a_stem_of_small_images_and_half_precision(images: Tensor) -> None:
    model = torchvision.models.resnet18()
    model.conv1, model.maxpool, model.fc = nn.Conv2d(1, 64, 3, 1, 1, bias=False), nn.Identity(), nn.Identity()
    state = {name: value.half() for name, value in seeded(model).state_dict().items() if value.is_floating_point()}
    model.load_state_dict(state, strict=False)
    grey = images[:, :1, :16, :16]
    with torch.no_grad():
        torch.testing.assert_close(features(state, grey), model(grey), rtol=0, atol=1e-5)


def test_the_encoder_of_queries_is_taken_and_the_rest_is_named(resnet: Any) -> None:
    """The names are those of the authors' code of MoCo (arXiv 1911.05722)."""
    state = resnet.state_dict()
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    checkpoint = {
        "epoch": 200,
        "arch": "resnet18",
        "state_dict": {
            **prefixed(state, "module.encoder_q."),
            **prefixed(other, "module.encoder_k."),
            "module.queue": torch.zeros(5, 8),
            "module.queue_ptr": torch.zeros(1, dtype=torch.int64),
        },
        "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}},
    }
    found = find_weights(checkpoint, "torchvision", "module.encoder_q.", "resnet18")
    assert torch.equal(found.weights["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])
    assert found.dropped == ("module.encoder_q.fc", "module.encoder_k", "module.queue", "module.queue_ptr")
    assert (found.stem, found.num_channels) == ("imagenet", 3)
    with pytest.raises(ConfigError, match=r"nearest valid: PREFIX=module.encoder_q., PREFIX=module.encoder_k\."):
        find_weights(checkpoint, "torchvision", "encoder_q.", "resnet18")


def test_heads_beside_the_backbone_are_dropped(resnet: Any) -> None:
    """The names are those of the authors' code of SwAV (arXiv 2006.09882)."""
    backbone = {name: value for name, value in resnet.state_dict().items() if not name.startswith("fc.")}
    heads = {"projection_head.0.weight": torch.zeros(2, 2), "prototypes.weight": torch.zeros(2, 2)}
    found = find_weights(prefixed({**backbone, **heads}, "module."), "torchvision", "module.", "resnet18")
    assert found.dropped == ("module.projection_head", "module.prototypes")


def test_one_of_two_state_dicts_is_named(resnet: Any) -> None:
    state = resnet.state_dict()
    checkpoint = {part: prefixed(state, "backbone.") for part in ("student", "teacher")}
    with pytest.raises(ConfigError, match=r"valid: PREFIX=student\.backbone\., PREFIX=teacher\.backbone\.\.$"):
        find_weights(checkpoint, "torchvision", "backbone.", "resnet18")
    assert find_weights(checkpoint, "torchvision", "teacher.backbone.", "resnet18").dropped == ("backbone.fc",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer4.1.bn2.bias": None}, r"1 are missing, e\.g\. layer4\.1\.bn2\.bias\.$"),
        (
            {"layer4.1.bn2.biass": 512, "layer4.1.bn2.bias": None},
            r"bias \(nearest: layer4\.1\.bn2\.biass\) and 1 are unkn",
        ),
        ({"layer1.0.se.weight": 4}, r"1 are unknown, e\.g\. layer1\.0\.se\.weight"),
        ({"layer4.1.bn2.bias": 511}, r"1 have other shapes, e\.g\. layer4\.1\.bn2\.bias \(511,\), not \(512,\)\."),
        ({"conv1.weight": None, "conv1.0.weight": 3}, r"missing, e\.g\. conv1\.weight \(nearest: conv1\.0\.weight\)"),
    ],
)
def test_a_backbone_is_whole_and_has_nothing_else(resnet: Any, change: dict[str, int | None], message: str) -> None:
    state = {**resnet.state_dict(), **{name: torch.zeros(size or 0) for name, size in change.items()}}
    for name, size in change.items():
        if size is None:
            del state[name]
    with pytest.raises(ConfigError, match=message):
        find_weights(state, "torchvision", "", "resnet18")


def test_another_model_is_named(resnet: Any) -> None:
    with pytest.raises(ConfigError, match=r"weights of resnet50 must have .* nearest valid: MODEL=resnet18\."):
        find_weights(resnet.state_dict(), "torchvision", "", "resnet50")


def test_another_layout_is_named(resnet: Any) -> None:
    numbered = nn.Sequential(*list(resnet.children())[:-1]).state_dict()
    with pytest.raises(ConfigError, match=r"but the file has no such name; nearest valid: KIND=lightly\."):
        find_weights(numbered, "torchvision", "", "resnet18")
    for nothing in ({}, [], {"a": {"b": {"c": {"d": resnet.state_dict()}}}}, {1: torch.zeros(1)}):
        with pytest.raises(ConfigError, match="nearest valid: a file with the weights of a ResNet"):
            find_weights(nothing, "timm", "", "resnet18")


def test_what_is_no_number_is_refused(resnet: Any) -> None:
    state = {**resnet.state_dict(), "layer2.0.bn1.bias": torch.full((128,), torch.nan)}
    with pytest.raises(CheckpointError, match=r"must be finite, but layer2\.0\.bn1\.bias holds NaN or infinity"):
        find_weights(state, "torchvision", "", "resnet18")
    first = state["conv1.weight"]
    for odd in (first.to("meta"), first.to_sparse(), first.to(torch.int8)):
        with pytest.raises(ConfigError, match=r"1 are missing, e\.g\. conv1\.weight"):
            find_weights({**resnet.state_dict(), "conv1.weight": odd}, "torchvision", "", "resnet18")


def test_nothing_is_drawn_from_torchs_generator(resnet: Any) -> None:
    torch.manual_seed(7)
    make_resnet_of(find_weights(resnet.state_dict(), "torchvision", "", "resnet18"), "resnet18")
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(7)))
