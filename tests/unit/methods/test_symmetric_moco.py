"""MoCo with a symmetric loss: the mean of two plain steps by loops, and the contract."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from step_by_loops import step_by_loops
from torch import Tensor
from torch.nn import functional as F

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.contrast.transform import FeatureTransform
from ftlab.encoders.encoder import Encoder
from ftlab.methods.method import Streams, Views
from ftlab.methods.moco import MoCo
from ftlab.testing.method_contract import MethodContract

N, K, SIZE = 4, 10, 8
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}
TRANSFORMS: dict[str, dict[str, Any]] = {
    "none": {},
    "both": BOTH,
    "row": {**BOTH, "granularity": "sample"},
    "element": {**BOTH, "granularity": "element"},
    "union, original query": {**BOTH, "negatives": "interpolate_union", "query_for_negatives": "original"},
    "renormalised": {**BOTH, "renormalise": True},
}


def make_moco(transform: Mapping[str, Any] | None = None, *, symmetric: bool = True) -> MoCo:
    """Return a MoCo with two encoders that differ, as they do after the first step, and groups of two images."""
    settings = {
        "model": {"feature_dim": 5, "bn_groups": 2, "width": 4, "depth": 2},
        "method": {"queue_size": K, "temperature": 0.2, "symmetric": symmetric},
        "transform": transform or {},
        "train": {"batch_size": N},
    }
    moco = make_method(TrialConfig.model_validate(settings), 1, torch.device("cpu")).train()
    assert isinstance(moco, MoCo)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in moco.key_encoder.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=random))
    return moco


def make_views() -> Views:
    random = torch.Generator().manual_seed(1)
    first, second = torch.rand(2, N, 1, SIZE, SIZE, generator=random)
    order = torch.tensor([2, 0, 3, 1])
    return Views((first, second[order]), order)


def make_streams(moco: MoCo) -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(moco.streams)}


def encode_exactly(_: MoCo, encoder: Encoder, images: Tensor) -> Tensor:
    return F.normalize(encoder(images.double()))


def pooled(parts: list[dict[str, float]]) -> dict[str, float]:
    """Return the statistics of two equally large parts together."""
    found = {name: sum(part[name] for part in parts) / 2 for name in parts[0]}
    for end in ("", "_transformed"):
        means = [part[f"scores/positive_mean{end}"] for part in parts]
        found[f"scores/positive_variance{end}"] += ((means[0] - means[1]) / 2) ** 2
    return found


@pytest.mark.parametrize("name", TRANSFORMS)
def test_loss_gradient_and_statistics_are_the_mean_of_two_steps_by_loops(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(MoCo, "encode", encode_exactly)
    moco = make_moco(TRANSFORMS[name]).double()
    by_loops = deepcopy(moco)
    views, streams = make_views(), make_streams(moco)
    swapped = Views((views.images[1], views.images[0]), views.order.argsort())
    second = {plain: streams[f"{plain} 1"] for plain in ("positives", "negatives")}
    steps = [
        step_by_loops(by_loops, by_loops.query_encoder, by_loops.key_encoder, *drawn, moco.transform)
        for drawn in ((views, streams), (swapped, second))
    ]
    loss = (steps[0][0] + steps[1][0]) / 2
    loss.backward()

    result = moco.step(views, make_streams(moco), 0)
    result.loss.backward()
    assert result.loss.item() == pytest.approx(loss.item(), rel=1e-6)
    for found, expected in zip(moco.query_encoder.parameters(), by_loops.query_encoder.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-6, atol=1e-6)
    measured = {name: value.item() for name, value in result.scores.items()}
    assert measured == pytest.approx(pooled([statistics for _, statistics in steps]), rel=1e-6, abs=1e-9)


def test_the_first_direction_is_the_plain_step() -> None:
    plain, symmetric = make_moco(BOTH, symmetric=False), make_moco(BOTH)
    steps = [moco.step(make_views(), make_streams(moco), 0) for moco in (plain, symmetric)]
    assert torch.equal(steps[1].queries[:N], steps[0].queries)
    assert torch.equal(steps[1].own_keys[:N], steps[0].own_keys)
    assert all(torch.equal(*pair) for pair in zip(steps[1].transformed[0], steps[0].transformed[0], strict=True))


def test_the_queue_gets_the_keys_of_both_views_in_the_order_of_the_batch() -> None:
    moco = make_moco(BOTH)
    first, second = (moco.encode(deepcopy(moco.key_encoder), images) for images in make_views().images)
    before = deepcopy(moco.queue.keys)
    result = moco.step(make_views(), make_streams(moco), 0)
    assert torch.equal(moco.queue.keys, before)
    moco.update(result)
    order = make_views().order
    torch.testing.assert_close(moco.queue.keys[:N][order], second)
    torch.testing.assert_close(moco.queue.keys[N : 2 * N], first)
    assert torch.equal(moco.queue.keys[2 * N :], before[2 * N :])


def test_each_query_has_the_key_of_the_other_view_of_its_image() -> None:
    moco = make_moco()
    result = moco.step(make_views(), make_streams(moco), 0)
    order, (keys, others) = make_views().order, result.keys.chunk(2)
    assert torch.equal(result.own_keys, torch.cat([keys, others[order]]))


def test_histograms_count_both_directions() -> None:
    moco = make_moco(BOTH)
    found = moco.histograms(moco.step(make_views(), make_streams(moco), 0))
    counts = {name: histogram.counts.sum().item() for name, histogram in found.items()}
    assert counts == {
        f"scores/{sign}{end}": 2 * N * number
        for sign, number in (("positive", 1), ("negative", K))
        for end in ("", "_transformed")
    }


@pytest.mark.parametrize("groups", [1, 2])
def test_each_direction_and_group_draws_for_itself(groups: int) -> None:
    moco = make_moco({**BOTH, "groups": groups})
    parts = 2 * groups
    assert len(moco.streams) == len(set(moco.streams)) == 2 * parts
    result = moco.step(make_views(), make_streams(moco), 0)
    assert len({features.negatives[0, 0].item() for features in result.transformed}) == parts
    queries, keys = result.queries.chunk(parts), result.own_keys.chunk(parts)
    shares = {
        round(((features.queries - key)[0, 0] / (query - key)[0, 0]).item(), 4)
        for features, query, key in zip(result.transformed, queries, keys, strict=True)
    }
    assert len(shares) == parts


def test_before_ft_begins_a_step_with_groups_is_the_plain_one() -> None:
    moco = make_moco({**BOTH, "groups": 2, "start": 0.5})
    plain = make_moco()
    losses = [each.step(make_views(), make_streams(each), 0).loss for each in (moco, plain)]
    assert torch.equal(*losses)
    assert moco.transform_at(0) == FeatureTransform()


def test_the_queue_must_hold_the_keys_of_both_views() -> None:
    with pytest.raises(
        ValueError,
        match=r"queue_size must be at least twice train.batch_size where method.symmetric=true, but got "
        r"queue_size=200, batch_size=128; nearest valid queue_size: 256",
    ):
        TrialConfig.model_validate({"method": {"queue_size": 200, "symmetric": True}})
    TrialConfig.model_validate({"method": {"queue_size": 200}})


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
class TestSymmetricMoCo(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": {"queue_size": 20, "symmetric": True}}
    transform: Mapping[str, Any] | None = BOTH


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
class TestSymmetricMoCoWithFT(TestSymmetricMoCo):
    settings: Mapping[str, Mapping[str, Any]] = {
        **TestSymmetricMoCo.settings,
        "transform": {**BOTH, "granularity": "sample"},
    }
    transform = None


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
class TestSymmetricMoCoWithGroupsOfFT(TestSymmetricMoCo):
    settings: Mapping[str, Mapping[str, Any]] = {**TestSymmetricMoCo.settings, "transform": {**BOTH, "groups": 4}}
    transform = None
