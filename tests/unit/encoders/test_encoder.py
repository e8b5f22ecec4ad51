import pytest
import torch
from torch import nn

from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.encoders.encoder import Encoder, make_encoder, make_mlp


def build(backbone: str, *, stem: str = "cifar", head: str = "mlp", channels: int = 3, groups: int = 2) -> Encoder:
    torch.manual_seed(0)
    return make_encoder(
        backbone=backbone, stem=stem, head=head, feature_dim=16, num_channels=channels, bn_groups=groups
    )


def images(side: int, channels: int) -> torch.Tensor:
    return torch.randn(4, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize(
    ("backbone", "stem", "side", "num_features"),
    [
        ("small_cnn", "imagenet", 8, 64),
        ("small_cnn", "imagenet", 5, 64),
        ("resnet18", "cifar", 8, 512),
        ("resnet18", "imagenet", 32, 512),
        ("mobilenet_v3_small", "imagenet", 32, 1024),
        pytest.param("convnext_tiny", "imagenet", 32, 768, marks=pytest.mark.slow),
    ],
)
def test_shapes(backbone: str, stem: str, side: int, num_features: int, head: str, channels: int) -> None:
    encoder = build(backbone, stem=stem, head=head, channels=channels)
    assert encoder.num_features == num_features
    assert encoder.backbone(images(side, channels)).shape == (4, num_features)
    assert encoder(images(side, channels)).shape == (4, 16)
    assert encoder.eval()(images(side, channels)[:3]).shape == (3, 16)


@pytest.mark.parametrize(
    ("backbone", "num_features", "num_blocks"), [("resnet18", 512, 8), ("resnet34", 512, 16), ("resnet50", 2048, 16)]
)
def test_resnets_have_their_depth_and_width(backbone: str, num_features: int, num_blocks: int) -> None:
    with torch.device("meta"):
        encoder = build(backbone)
    assert encoder.num_features == num_features
    layers = [getattr(encoder.backbone, f"layer{number}") for number in range(1, 5)]
    assert sum(len(layer) for layer in layers) == num_blocks
    assert encoder.projection_head[0].in_features == num_features


def test_stems() -> None:
    with torch.device("meta"):
        cifar, imagenet = build("resnet18", stem="cifar").backbone, build("resnet18", stem="imagenet").backbone
        gray = build("resnet18", stem="imagenet", channels=1).backbone
    assert (cifar.conv1.kernel_size, cifar.conv1.stride) == ((3, 3), (1, 1))
    assert isinstance(cifar.maxpool, nn.Identity)
    assert (imagenet.conv1.kernel_size, imagenet.conv1.stride) == ((7, 7), (2, 2))
    assert isinstance(imagenet.maxpool, nn.MaxPool2d)
    assert gray.conv1.weight.shape == (64, 1, 7, 7)


@pytest.mark.parametrize("backbone", ["small_cnn", "resnet18"])
def test_every_normalisation_is_grouped(backbone: str) -> None:
    with torch.device("meta"):
        encoder = build(backbone, groups=8)
    norms = [module for module in encoder.modules() if "Norm" in type(module).__name__]
    assert len(norms) == {"small_cnn": 3, "resnet18": 20}[backbone]
    assert all(isinstance(norm, GroupedBatchNorm) and norm.num_groups == 8 for norm in norms)


def test_heads() -> None:
    linear, mlp = build("small_cnn", head="linear").projection_head, build("small_cnn", head="mlp").projection_head
    assert isinstance(linear, nn.Linear)
    assert [type(layer).__name__ for layer in mlp] == ["Linear", "ReLU", "Linear"]
    assert (mlp[0].out_features, mlp[2].out_features) == (64, 16)


def test_weights_follow_the_global_seed_alone() -> None:
    first, second = build("small_cnn", groups=2).state_dict(), build("small_cnn", groups=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = dict(build("small_cnn", groups=4).named_parameters())
    assert all(torch.equal(first[name], parameter) for name, parameter in other.items())


def test_the_small_cnn_has_its_width_and_depth() -> None:
    encoder = make_encoder(
        backbone="small_cnn", stem="cifar", head="mlp", feature_dim=16, num_channels=1, bn_groups=2, width=4, depth=2
    )
    convolutions = [layer for layer in encoder.backbone if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels, layer.stride) for layer in convolutions] == [(4, (1, 1)), (8, (2, 2))]
    assert encoder.num_features == 8
    assert encoder(images(8, 1)).shape == (4, 16)


@pytest.mark.parametrize("backbone", ["mobilenet_v3_small", "convnext_tiny"])
@pytest.mark.slow
def test_a_classifier_draws_nothing_while_it_trains(backbone: str) -> None:
    encoder = build(backbone, stem="imagenet").train()
    first, second = encoder.backbone(images(32, 3)), encoder.backbone(images(32, 3))
    assert torch.equal(first, second)


def test_a_method_brings_a_head_of_its_own() -> None:
    encoder = make_encoder(
        backbone="small_cnn",
        stem="cifar",
        head="linear",
        feature_dim=8,
        num_channels=1,
        bn_groups=1,
        make_head=lambda num_features: make_mlp((num_features, 12, 6), 1, ends_normalised=True),
    )
    assert encoder(torch.rand(4, 1, 8, 8)).shape == (4, 6)


@pytest.mark.parametrize("ends_normalised", [False, True])
def test_an_mlp_is_normalised_between_its_layers(ends_normalised: bool) -> None:
    head = make_mlp((5, 7, 3), 2, ends_normalised=ends_normalised)
    kinds = [type(layer) for layer in head]
    last = [GroupedBatchNorm] if ends_normalised else []
    assert kinds == [nn.Linear, GroupedBatchNorm, nn.ReLU, nn.Linear, *last]
    assert [name for name, _ in head.named_parameters()] == [
        "0.weight",
        "1.weight",
        "1.bias",
        "3.weight",
        *([] if ends_normalised else ["3.bias"]),
    ]
    if ends_normalised:
        projections = head(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)))
        for group in projections.chunk(2):
            torch.testing.assert_close(group.mean(dim=0), torch.zeros(3), atol=1e-6, rtol=0)
            torch.testing.assert_close(group.std(dim=0, correction=0), torch.ones(3), atol=1e-2, rtol=0)
