"""InfoMin: MoCo's loss and that of a jigsaw puzzle, against loops, and the contract."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from step_by_loops import dot, rows_of, total, unit
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.encoders.encoder import Encoder
from ftlab.methods.infomin import InfoMin
from ftlab.methods.method import Streams, Views
from ftlab.methods.moco import MoCo
from ftlab.testing.method_contract import MethodContract

N, K, SIZE, WEIGHT = 4, 10, 8, 0.3
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}


def make(weight: float = WEIGHT, *, symmetric: bool = False) -> InfoMin:
    """Return an InfoMin whose two encoders differ."""
    settings = {
        "views": {"size": 96},
        "model": {"feature_dim": 5, "bn_groups": 2, "width": 4, "depth": 2},
        "method": {"name": "infomin", "queue_size": K, "jigsaw_weight": weight, "symmetric": symmetric},
        "transform": BOTH,
        "train": {"batch_size": N},
    }
    infomin = make_method(TrialConfig.model_validate(settings), 1, torch.device("cpu")).train()
    assert isinstance(infomin, InfoMin)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in infomin.key_encoder.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=random))
    return infomin


def make_views(*, patches: bool = True) -> Views:
    random = torch.Generator().manual_seed(1)
    first, second = torch.rand(2, N, 1, SIZE, SIZE, generator=random)
    order = torch.tensor([2, 0, 3, 1])
    pieces = torch.rand(9 * N, 1, SIZE, SIZE, generator=random)
    return Views((first, second[order]), order, pieces if patches else None)


def make_streams(method: MoCo) -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(method.streams)}


def encode_exactly(_: MoCo, encoder: Any, images: Tensor) -> Tensor:
    return F.normalize(encoder(images.double()))


def linear(layer: nn.Module, row: list[Tensor]) -> list[Tensor]:
    assert isinstance(layer, nn.Linear)
    return [dot(weights, row) + bias for weights, bias in zip(rows_of(layer.weight), layer.bias, strict=True)]


def puzzle_loss(infomin: InfoMin, encoder: Encoder, patches: Tensor, keys: Tensor) -> Tensor:
    """Return the loss of the puzzles, number by number."""
    features = rows_of(encoder.backbone(patches.double()))
    hidden, _, output = infomin.puzzle_head.of_patch.children()
    key_rows, queue = rows_of(keys), rows_of(infomin.queue.keys)
    loss = torch.zeros((), dtype=torch.float64)
    for image, key in enumerate(key_rows):
        pieces: list[Tensor] = []
        for row in features[9 * image : 9 * (image + 1)]:
            pieces += linear(output, [value.clamp(min=0) for value in linear(hidden, row)])
        query = unit(linear(infomin.puzzle_head.together, pieces))
        exponentials = [(dot(query, other) / infomin.temperature).exp() for other in (key, *queue)]
        loss = loss - (exponentials[0] / total(exponentials)).log() / len(key_rows)
    return loss


@pytest.mark.parametrize("symmetric", [False, True])
def test_loss_and_gradient_are_those_of_moco_and_of_the_puzzle_by_loops(
    monkeypatch: pytest.MonkeyPatch, symmetric: bool
) -> None:
    monkeypatch.setattr(MoCo, "encode", encode_exactly)
    infomin = make(symmetric=symmetric).double()
    by_loops = deepcopy(infomin)
    plain = MoCo.step(by_loops, make_views(), make_streams(by_loops), 0)
    patches = make_views().patches
    assert patches is not None
    puzzle = puzzle_loss(by_loops, by_loops.query_encoder, patches, plain.own_keys[:N])
    loss = (1 - WEIGHT) * plain.loss + WEIGHT * puzzle
    loss.backward()

    result = infomin.step(make_views(), make_streams(infomin), 0)
    result.loss.backward()
    assert result.loss.item() == pytest.approx(loss.item(), rel=1e-6)
    for found, expected in zip(infomin.trained_parameters(), by_loops.trained_parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-6, atol=1e-6)
    assert {name: value.item() for name, value in result.scores.items()} == pytest.approx(
        {name: value.item() for name, value in plain.scores.items()}
    )


def test_without_weight_it_is_moco_and_takes_no_patches() -> None:
    infomin = make(0.0)
    assert not infomin.takes_patches
    assert not hasattr(infomin, "puzzle_head")
    views = make_views(patches=False)
    steps = [step(deepcopy(infomin), views, make_streams(infomin), 0).loss for step in (InfoMin.step, MoCo.step)]
    assert torch.equal(*steps)


def test_the_key_encoder_sees_no_patches_and_the_head_is_trained() -> None:
    infomin = make()
    key_states = []
    for views in (make_views(), make_views(patches=False)):
        alone = deepcopy(infomin)
        alone.step(views, make_streams(alone), 0)
        key_states.append(alone.key_encoder.state_dict())
    assert all(torch.equal(value, key_states[1][name]) for name, value in key_states[0].items())
    trained = {id(parameter) for parameter in infomin.trained_parameters()}
    assert {id(parameter) for parameter in infomin.puzzle_head.parameters()} < trained


@pytest.mark.parametrize(("size", "weight", "works"), [(95, 0.5, False), (96, 0.5, True), (8, 0.0, True)])
def test_patches_need_large_views(size: int, weight: float, works: bool) -> None:
    settings = {"views": {"size": size}, "method": {"name": "infomin", "jigsaw_weight": weight}}
    if works:
        TrialConfig.model_validate(settings)
        return
    with pytest.raises(
        ValueError, match=r"needs views of at least 96 pixels, but got .*95; nearest valid: views.size=96"
    ):
        TrialConfig.model_validate(settings)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
class TestInfoMin(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {
        "method": {"name": "infomin", "queue_size": 20, "jigsaw_weight": 0.5},
        "views": {"size": 96},
        "model": {"feature_dim": 8, "bn_groups": 2, "width": 2, "depth": 2},
    }
    transform: Mapping[str, Any] | None = BOTH
