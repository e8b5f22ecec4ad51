"""Rows that are mixed in one layer of an encoder, and in no other."""

import pytest
import torch
from torch import Tensor, nn

from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.encoders.layer_mixing import LayerMixing


def make_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def mixed_by_hand(layers: nn.Sequential, rows: Tensor, partners: Tensor, shares: Tensor, place: int) -> Tensor:
    """Mix before the layer at a place."""
    hidden = layers[:place](rows)
    hidden = shares[:, None] * hidden + (1 - shares[:, None]) * hidden[partners]
    return layers[place:](hidden)


def test_each_step_mixes_one_layer() -> None:
    layers = make_layers()
    mixing = LayerMixing([layers[1], layers[3]])
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    partners, shares = torch.tensor([1, 2, 0, 3, 4]), torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9], dtype=torch.float64)
    expected = {place: mixed_by_hand(make_layers(), rows, partners, shares, place) for place in (0, 2, 4)}
    seen = set()
    for seed in range(20):
        with mixing.mix(rows, partners, shares, generator=torch.Generator().manual_seed(seed)) as inputs:
            found = layers(inputs)
        seen |= {place for place, outputs in expected.items() if torch.allclose(found, outputs, rtol=0, atol=1e-12)}
        assert any(torch.allclose(found, outputs, rtol=0, atol=1e-12) for outputs in expected.values())
    assert seen == {0, 2, 4}


def test_layers_work_as_ever_outside() -> None:
    layers = make_layers()
    mixing = LayerMixing([layers[1]])
    rows = torch.ones(2, 3, dtype=torch.float64)
    with (
        pytest.raises(RuntimeError, match="stopped"),
        mixing.mix(rows, torch.tensor([1, 0]), torch.ones(2, dtype=torch.float64), generator=torch.Generator()),
    ):
        raise RuntimeError("stopped")
    assert torch.equal(layers(rows), make_layers()(rows))


def test_a_share_of_one_changes_no_bit() -> None:
    layers = make_layers().float()
    plain = make_layers().float()
    mixing = LayerMixing([layers[1], layers[3]])
    rows = torch.randn(64, 3)
    with mixing.mix(rows, torch.randperm(64), torch.ones(64), generator=torch.Generator()) as inputs:
        assert torch.equal(layers(inputs), plain(rows))


def encoder_of(backbone: str, depth: int = 3) -> Encoder:
    return make_encoder(
        backbone=backbone, stem="cifar", head="mlp", feature_dim=4, num_channels=3, bn_groups=1, depth=depth
    )


@pytest.mark.parametrize(("depth", "blocks"), [(1, 1), (2, 2), (3, 2), (4, 2)])
def test_the_first_blocks_of_a_small_cnn_can_be_mixed(depth: int, blocks: int) -> None:
    encoder = encoder_of("small_cnn", depth)
    *found, last = encoder.mixable_layers
    assert last is encoder.backbone
    assert len(found) == blocks
    assert all(isinstance(layer, nn.ReLU) for layer in found)


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small", "convnext_tiny"])
def test_the_first_blocks_of_other_backbones_can_be_mixed(backbone: str) -> None:
    assert len(encoder_of(backbone).mixable_layers) == 3


def test_a_backbone_without_known_blocks_has_its_features_mixed() -> None:
    encoder = Encoder(nn.Flatten(), nn.Identity(), 3)
    assert encoder.mixable_layers == [encoder.backbone]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler's own
def test_a_compiled_encoder_mixes_as_it_does_uncompiled() -> None:
    encoders = [encoder_of("small_cnn", 2).eval() for _ in range(2)]
    encoders[1].load_state_dict(encoders[0].state_dict())
    mixings = [LayerMixing(encoder.mixable_layers) for encoder in encoders]
    encoders[1].compile(backend="aot_eager")
    torch._dynamo.utils.counters.clear()
    images, partners, shares = torch.randn(4, 3, 8, 8), torch.tensor([3, 2, 1, 0]), torch.rand(4)
    for seed in range(8):
        outputs = []
        for encoder, mixing in zip(encoders, mixings, strict=True):
            with mixing.mix(images, partners, shares, generator=torch.Generator().manual_seed(seed)) as inputs:
                outputs.append(encoder(inputs))
        torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(encoders[1](images), encoders[0](images), rtol=1e-5, atol=1e-6)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2  # one that mixes, and one that does not
