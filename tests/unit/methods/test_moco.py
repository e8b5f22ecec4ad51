from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from math import log

import pytest
import torch
from step_by_loops import step_by_loops

from ftlab.config.sections.moco_section import MoCoSection
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.encoders.encoder import Encoder, make_encoder
from ftlab.methods.method import MethodParts, Streams, Views
from ftlab.methods.moco import MoCo, MoCoResult

N, K, C = 4, 6, 5
NONE = FeatureTransform()
BOTH = FeatureTransform(PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6))
TRANSFORMS = {
    "none": NONE,
    "both": BOTH,
    "positives": FeatureTransform(positives=BOTH.positives),
    "negatives": FeatureTransform(negatives=BOTH.negatives),
    "element": FeatureTransform(
        PositiveTransform(2.0, (1.0, 2.0), "element"), NegativeTransform(1.6, granularity="element")
    ),
    "union, original query": FeatureTransform(
        BOTH.positives, NegativeTransform(1.6, union=True), query_for_negatives="original"
    ),
    "renormalised": FeatureTransform(BOTH.positives, BOTH.negatives, renormalise=True),
}

MakeMoCo = Callable[..., MoCo]

SETTINGS = MoCoSection(key_momentum=0.9, queue_size=K, temperature=0.2)


def parts_of(encoder: Encoder, transform: FeatureTransform, precision: torch.dtype = torch.float32) -> MethodParts:
    return MethodParts(
        make_encoder=lambda: encoder,
        feature_dim=C,
        transform=transform,
        transform_epochs=range(2, 5),
        precision=precision,
        make_generator=lambda _: torch.Generator().manual_seed(1),
    )


def step(moco: MoCo, views: Views, streams: Streams, transform: FeatureTransform) -> MoCoResult:
    """Make a step with a transformation, in an epoch that it takes part in."""
    moco.transform = transform
    return moco.step(views, streams, moco.transform_epochs.start)


def make_streams(seed: int = 0) -> Streams:
    return {name: torch.Generator().manual_seed(10 * seed + place) for place, name in enumerate(MoCo.streams)}


def make_views(seed: int = 0, order_seed: int = 0) -> Views:
    images = torch.randn(2 * N, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    order = torch.randperm(N, generator=torch.Generator().manual_seed(order_seed))
    return Views((images[:N], images[N:][order]), order)


@pytest.fixture
def make_moco() -> MakeMoCo:
    def make(*, groups: int = 2, transform: FeatureTransform = BOTH, precision: torch.dtype = torch.float32) -> MoCo:
        torch.manual_seed(0)
        encoder = make_encoder(
            backbone="small_cnn", stem="cifar", head="mlp", feature_dim=C, num_channels=1, bn_groups=groups
        )
        moco = MoCo(parts_of(encoder, transform, precision), SETTINGS)
        with torch.no_grad():  # two encoders that differ, as they do after the first step
            for parameter in moco.key_encoder.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
        return moco.train()

    return make


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_step_agrees_with_the_algorithm_by_loops(make_moco: MakeMoCo, name: str, groups: int) -> None:
    transform = TRANSFORMS[name]
    moco = make_moco(groups=groups, transform=transform)
    query_encoder, key_encoder = deepcopy(moco.query_encoder).double(), deepcopy(moco.key_encoder).double()
    loss, statistics = step_by_loops(moco, query_encoder, key_encoder, make_views(), make_streams(), transform)
    loss.backward()
    result = step(moco, make_views(), make_streams(), transform)
    result.loss.backward()
    # The encoders run in float32 here and in float64 there.
    assert result.loss.item() == pytest.approx(loss.item(), rel=1e-5)
    measured = {name: result.scores[name].item() for name in statistics}
    assert measured == pytest.approx(statistics, rel=1e-4, abs=1e-5)
    assert {statistic.name for statistic in moco.statistics} == result.scores.keys()
    for (name, parameter), (_, expected) in zip(
        moco.query_encoder.named_parameters(), query_encoder.named_parameters(), strict=True
    ):
        tolerance = 1e-4 * expected.grad.abs().max().item() + 1e-6
        torch.testing.assert_close(parameter.grad.double(), expected.grad, rtol=0, atol=tolerance, msg=name)


def test_the_key_encoder_starts_as_a_copy() -> None:
    encoder = make_encoder(
        backbone="small_cnn", stem="cifar", head="linear", feature_dim=C, num_channels=1, bn_groups=2
    )
    moco = MoCo(parts_of(encoder, NONE), SETTINGS)
    copies = moco.key_encoder.state_dict()
    assert all(torch.equal(value, copies[name]) for name, value in moco.query_encoder.state_dict().items())
    originals = {parameter.data_ptr() for parameter in moco.query_encoder.parameters()}
    assert not originals & {parameter.data_ptr() for parameter in moco.key_encoder.parameters()}


def test_the_key_encoder_and_the_queue_receive_no_gradient(make_moco: MakeMoCo) -> None:
    moco = make_moco()
    result = step(moco, make_views(), make_streams(), BOTH)
    result.loss.backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in moco.key_encoder.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in moco.query_encoder.backbone.parameters())
    assert not moco.queue.keys.requires_grad
    assert not result.queries.requires_grad
    assert not result.keys.requires_grad
    assert not any(features.requires_grad for features in result.transformed[0])


def test_a_step_moves_no_parameter_and_no_queue(make_moco: MakeMoCo) -> None:
    moco = make_moco()
    before = {name: value.clone() for name, value in moco.state_dict().items()}
    step(moco, make_views(), make_streams(), BOTH).loss.backward()
    moved = {name for name, value in moco.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.endswith(("running_mean", "running_var")) for name in moved)


def test_an_update_moves_the_key_encoders_parameters_and_the_queue(make_moco: MakeMoCo) -> None:
    moco = make_moco()
    result = step(moco, make_views(), make_streams(), BOTH)
    before = deepcopy(moco)
    moco.update(result)
    for key, old, query in zip(
        moco.key_encoder.parameters(), before.key_encoder.parameters(), before.query_encoder.parameters(), strict=True
    ):
        torch.testing.assert_close(key, 0.9 * old + 0.1 * query.detach())
    state, state_before = moco.state_dict(), before.state_dict()
    for name in state:
        if name.startswith("query_encoder.") or "running_" in name:
            assert torch.equal(state[name], state_before[name]), name
    assert torch.equal(moco.queue.keys[:N], result.keys)
    assert torch.equal(moco.queue.keys[N:], before.queue.keys[N:])


def test_the_queue_stores_untransformed_unit_keys(make_moco: MakeMoCo) -> None:
    plain = step(make_moco(), make_views(), make_streams(), NONE)
    transformed = step(make_moco(), make_views(), make_streams(), BOTH)
    assert torch.equal(plain.keys, transformed.keys)
    assert not torch.allclose(transformed.transformed[0].keys, transformed.keys)
    torch.testing.assert_close(transformed.keys.norm(dim=1), torch.ones(N))


def test_batch_statistics_of_the_key_encoder_are_its_own(make_moco: MakeMoCo) -> None:
    moco = make_moco(groups=1)
    alone = deepcopy(moco.key_encoder)
    moco.update(step(moco, make_views(), make_streams(), NONE))
    alone(make_views().images[1])
    buffers = dict(alone.named_buffers())
    assert buffers
    assert all(torch.equal(value, buffers[name]) for name, value in moco.key_encoder.named_buffers())


def test_shuffling_changes_nothing_with_one_group(make_moco: MakeMoCo) -> None:
    moco = make_moco(groups=1)
    keys = [step(deepcopy(moco), make_views(order_seed=seed), make_streams(), NONE).keys for seed in range(4)]
    for other in keys[1:]:
        torch.testing.assert_close(other, keys[0], rtol=0, atol=1e-5)


def test_shuffling_decides_the_groups(make_moco: MakeMoCo) -> None:
    moco = make_moco(groups=2)
    keys = [step(deepcopy(moco), make_views(order_seed=seed), make_streams(), NONE).keys for seed in range(4)]
    assert not all(torch.allclose(other, keys[0], atol=1e-3) for other in keys[1:])


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_keys_return_to_their_places(make_moco: MakeMoCo, seed: int) -> None:
    moco = make_moco(groups=1)
    views = make_views(order_seed=seed)
    keys = step(deepcopy(moco), views, make_streams(), NONE).keys
    images = torch.empty_like(views.images[1])
    images[views.order] = views.images[1]
    in_order = torch.nn.functional.normalize(moco.key_encoder(images))
    torch.testing.assert_close(keys, in_order, rtol=0, atol=1e-5)


def test_queries_are_not_shuffled(make_moco: MakeMoCo) -> None:
    moco = make_moco(groups=2)
    queries = [step(deepcopy(moco), make_views(order_seed=seed), make_streams(), NONE).queries for seed in range(2)]
    assert torch.equal(queries[0], queries[1])


def test_histograms_are_taken_before_the_keys_are_enqueued(make_moco: MakeMoCo) -> None:
    moco = make_moco()
    with torch.no_grad():
        moco.queue.keys.copy_(torch.eye(K, C))
        result = step(moco, make_views(), make_streams(), NONE)
    result = replace(result, queries=result.keys)
    found = moco.histograms(result)
    scores = (result.keys @ torch.eye(K, C).T).flatten().tolist()
    expected = [0] * 100
    for score in scores:
        expected[min(int((score + 1) / 0.02), 99)] += 1
    assert found["scores/negative"].counts.tolist() == expected
    assert found["scores/positive"].counts.tolist() == [0] * 99 + [N]


@pytest.mark.parametrize("name", ["none", "both", "union, original query"])
def test_histograms_count_every_score(make_moco: MakeMoCo, name: str) -> None:
    transform = TRANSFORMS[name]
    moco = make_moco(transform=transform)
    result = step(moco, make_views(), make_streams(), transform)
    found = moco.histograms(result)
    num_seen = 2 * K if name == "union, original query" else K
    assert {name: histogram.counts.sum().item() for name, histogram in found.items()} == {
        "scores/positive": N,
        "scores/negative": N * K,
        "scores/positive_transformed": N,
        "scores/negative_transformed": N * num_seen,
    }
    same = found["scores/negative"].counts.tolist() == found["scores/negative_transformed"].counts.tolist()
    assert same == (name == "none")


def test_the_transformation_has_its_epochs(make_moco: MakeMoCo) -> None:
    moco = make_moco()
    assert [moco.transform_at(epoch).is_identity for epoch in range(6)] == [True, True, False, False, False, True]
    assert moco.transform_at(2) is moco.transform


def test_equal_features_give_the_loss_of_chance(make_moco: MakeMoCo) -> None:
    moco = make_moco(groups=1)
    with torch.no_grad():
        for encoder in (moco.query_encoder, moco.key_encoder):
            encoder.projection_head[2].weight.zero_()
            encoder.projection_head[2].bias.fill_(1.0)
        moco.queue.keys.fill_(C**-0.5)
    for transform in (NONE, BOTH):
        assert step(moco, make_views(), make_streams(), transform).loss.item() == pytest.approx(log(1 + K), rel=1e-6)


def test_bfloat16_encoders_give_float32_scores_and_loss(make_moco: MakeMoCo) -> None:
    result = step(make_moco(precision=torch.bfloat16), make_views(), make_streams(), BOTH)
    exact = step(make_moco(), make_views(), make_streams(), BOTH)
    assert {value.dtype for value in (result.loss, result.queries, result.keys, *result.transformed[0])} == {
        torch.float32
    }
    torch.testing.assert_close(result.queries.norm(dim=1), torch.ones(N))
    assert result.loss.item() != exact.loss.item()
    assert result.loss.item() == pytest.approx(exact.loss.item(), rel=0.1)


def test_a_restored_state_steps_alike(make_moco: MakeMoCo) -> None:
    moco, restored = make_moco(), make_moco()
    moco.update(step(moco, make_views(), make_streams(), BOTH))
    restored.load_state_dict(moco.state_dict())
    steps = [step(each, make_views(1), make_streams(1), BOTH) for each in (moco, restored)]
    assert torch.equal(steps[0].loss, steps[1].loss)
    assert all(
        torch.equal(*features) for features in zip(steps[0].transformed[0], steps[1].transformed[0], strict=True)
    )
    for each, result in zip((moco, restored), steps, strict=True):
        each.update(result)
    assert all(torch.equal(value, restored.state_dict()[name]) for name, value in moco.state_dict().items())
