from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from ftlab.encoders.backbones import Library, check_exportable
from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.encoders.export import Architecture, Normalisation, backbone_state, library_weights, loading_lines
from ftlab.errors import ConfigError

NORMALISATION = Normalisation((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))

DETECTRON2_NORM = ("weight", "bias", "running_mean", "running_var")
# Written down from detectron2's build_resnet_backbone at depth 18: blocks with a projection have a shortcut.
DETECTRON2_RESNET18 = {
    "stem.conv1",
    *("res2.0.conv1", "res2.0.conv2", "res2.1.conv1", "res2.1.conv2"),
    *("res3.0.conv1", "res3.0.conv2", "res3.0.shortcut", "res3.1.conv1", "res3.1.conv2"),
    *("res4.0.conv1", "res4.0.conv2", "res4.0.shortcut", "res4.1.conv1", "res4.1.conv2"),
    *("res5.0.conv1", "res5.0.conv2", "res5.0.shortcut", "res5.1.conv1", "res5.1.conv2"),
}


def trained_encoder(backbone: str = "resnet18", *, stem: str = "cifar", channels: int = 3) -> Encoder:
    """Build an encoder whose groups of batch normalisation have seen different images."""
    torch.manual_seed(0)
    encoder = make_encoder(
        backbone=backbone, stem=stem, head="linear", feature_dim=8, num_channels=channels, bn_groups=2
    )
    batch = images(channels, 16 if stem == "cifar" else 64)
    encoder(torch.cat([batch[:2], 3 * batch[2:]]))
    return encoder.eval()


def images(channels: int, side: int) -> Tensor:
    return torch.randn(4, channels, side, side, generator=torch.Generator().manual_seed(1))


def trained_state(encoder: Encoder) -> dict[str, Tensor]:
    """Return the backbone from a state that also holds a key encoder, which must not be taken."""
    state = {f"query_encoder.{name}": value for name, value in encoder.state_dict().items()}
    return backbone_state({**state, "key_encoder.backbone.conv1.weight": torch.zeros(1)}, "query_encoder")


def load(lines: tuple[str, ...]) -> nn.Module:
    """Run the lines that a user is given."""
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)  # noqa: S102 - the lines are what is tested
    model: nn.Module = scope["model"]
    return model.eval()


@pytest.mark.parametrize("library", ["torchvision", "timm"])
@pytest.mark.parametrize(
    ("backbone", "stem", "channels"),
    [
        ("resnet18", "cifar", 3),
        ("resnet18", "imagenet", 1),
        pytest.param("resnet34", "imagenet", 3, marks=pytest.mark.slow),
        pytest.param("resnet50", "imagenet", 3, marks=pytest.mark.slow),
    ],
)
def test_the_lines_build_a_model_with_the_encoders_features(
    library: Library, backbone: str, stem: str, channels: int, tmp_path: Any
) -> None:
    encoder = trained_encoder(backbone, stem=stem, channels=channels)
    path = str(tmp_path / "backbone.pth")
    torch.save(library_weights(trained_state(encoder), library), path)
    model = load(loading_lines(Architecture(backbone, stem, channels), NORMALISATION, library, path))
    assert type(model).__module__.split(".")[0] == library
    batch = images(channels, 16 if stem == "cifar" else 64)
    with torch.no_grad():
        torch.testing.assert_close(model(batch), encoder.backbone(batch), rtol=1e-5, atol=1e-5)


def test_running_statistics_are_the_mean_over_groups() -> None:
    encoder = trained_encoder()
    found = trained_state(encoder)
    groups = encoder.backbone.bn1.running_mean
    assert groups.shape == (2, 64)
    assert not torch.equal(groups[0], groups[1])
    assert torch.equal(found["bn1.running_mean"], (groups[0] + groups[1]) / 2)


def test_only_the_query_encoders_backbone_is_taken() -> None:
    encoder = trained_encoder()
    assert trained_state(encoder).keys() == encoder.backbone.state_dict().keys()


@pytest.mark.parametrize("make_model", [torchvision.models.resnet18, timm.models.resnet18])
def test_no_name_is_left_over(make_model: Any) -> None:
    model = make_model(num_classes=1)
    model.fc = nn.Identity()
    weights = library_weights(trained_state(trained_encoder(stem="imagenet")), "torchvision")
    assert weights.keys() == model.state_dict().keys()


def test_detectron2s_names() -> None:
    content = library_weights(trained_state(trained_encoder(stem="imagenet")), "detectron2")
    convolutions = {f"{name}.weight" for name in DETECTRON2_RESNET18}
    norms = {f"{name}.norm.{value}" for name in DETECTRON2_RESNET18 for value in DETECTRON2_NORM}
    assert content["model"].keys() == convolutions | norms
    assert content["matching_heuristics"] is True


@pytest.mark.slow
def test_detectron2s_weights_are_the_same_in_the_same_places() -> None:
    encoder = trained_encoder("resnet50", stem="imagenet")
    state = trained_state(encoder)
    weights = library_weights(state, "detectron2")["model"]
    assert len(weights) == len(state)
    for ours, theirs in (
        ("conv1.weight", "stem.conv1.weight"),
        ("bn1.running_var", "stem.conv1.norm.running_var"),
        ("layer1.0.conv3.weight", "res2.0.conv3.weight"),
        ("layer1.0.downsample.0.weight", "res2.0.shortcut.weight"),
        ("layer4.0.downsample.1.bias", "res5.0.shortcut.norm.bias"),
        ("layer4.2.bn3.running_mean", "res5.2.conv3.norm.running_mean"),
    ):
        assert weights[theirs] is state[ours]


def test_detectron2s_file_needs_no_pickled_code(tmp_path: Any) -> None:
    content = library_weights(trained_state(trained_encoder(stem="imagenet")), "detectron2")
    torch.save(content, tmp_path / "backbone.pth")
    assert torch.load(tmp_path / "backbone.pth", weights_only=True)["model"].keys() == content["model"].keys()


def test_detectron2s_settings() -> None:
    lines = loading_lines(Architecture("resnet50", "imagenet", 3), NORMALISATION, "detectron2", "a.pth")
    assert "cfg.MODEL.RESNETS.STRIDE_IN_1X1 = False" in lines
    assert 'cfg.INPUT.FORMAT = "RGB"' in lines
    assert "cfg.MODEL.PIXEL_MEAN = [127.5, 102.0, 76.5]" in lines
    small = loading_lines(Architecture("resnet18", "imagenet", 3), NORMALISATION, "detectron2", "a.pth")
    assert "cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 64" in small


@pytest.mark.parametrize(
    ("backbone", "stem", "library", "match"),
    [
        ("small_cnn", "imagenet", "timm", r"but got model.backbone='small_cnn'; nearest valid: .*'resnet18'"),
        ("resnet18", "cifar", "detectron2", r"7x7 .* but got model.stem='cifar'; nearest valid: --to torchvision"),
    ],
)
def test_what_has_no_counterpart_is_refused(backbone: str, stem: str, library: Library, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        check_exportable(backbone, stem, library)
