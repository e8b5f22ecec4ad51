"""Groups of a batch that draw coefficients and permutations of their own, as the GPUs of the authors' code do."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.contrast.loss import info_nce
from ftlab.contrast.transform import group_stream
from ftlab.methods.method import PretrainingMethod, Streams, Views
from ftlab.methods.moco import MoCo

N, SIZE = 8, 8
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}


def make(groups: int, **sections: Any) -> PretrainingMethod[Any]:
    settings = {
        "model": {"feature_dim": 8, "bn_groups": 2},
        "transform": {**BOTH, **sections.pop("transform", {}), "groups": groups},
        "train": {"batch_size": N},
        **sections,
    }
    return make_method(TrialConfig.model_validate(settings), 1, torch.device("cpu")).train()


def streams_of(method: PretrainingMethod[Any], *, alike: bool = False) -> Streams:
    """Return generators of all streams; alike, each group has those of the first."""
    seeds = {name: 0 if alike else place for place, name in enumerate(method.streams)}
    return {
        name: torch.Generator().manual_seed(seed + (100 if name.startswith("negatives") else 0))
        for name, seed in seeds.items()
    }


def views() -> Views:
    images = torch.rand(2, N, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(9))
    return Views((images[0], images[1]), torch.arange(N))


@pytest.mark.parametrize("granularity", ["batch", "sample", "dimension", "element"])
@pytest.mark.parametrize("groups", [2, 4, 8])
def test_moco_contrasts_each_group_with_a_queue_mixed_for_it(groups: int, granularity: str) -> None:
    moco = make(groups, transform={"granularity": granularity})
    assert isinstance(moco, MoCo)
    result = moco.step(views(), streams_of(moco), 0)
    streams, losses, variances = streams_of(moco), [], []
    for group in range(groups):
        part = slice(group * N // groups, (group + 1) * N // groups)
        seen = moco.transform(
            result.queries[part],
            result.keys[part],
            moco.queue.keys,
            positive_generator=streams[group_stream("positives", group)],
            negative_generator=streams[group_stream("negatives", group)],
        )
        loss, negative = info_nce(*seen, moco.temperature)
        losses.append(loss)
        variances.append(negative.variance)
    assert result.loss.item() == pytest.approx(sum(losses).item() / groups, rel=1e-6)  # type: ignore[union-attr]
    found = result.scores["scores/negative_variance_transformed"].item()
    assert found == pytest.approx(sum(variances).item() / groups, rel=1e-6)  # type: ignore[union-attr]
    assert len({features.negatives[0, 0].item() for features in result.transformed}) == groups


@pytest.mark.parametrize("method", [{}, {"name": "simclr"}], ids=["moco", "simclr"])
def test_groups_that_draw_alike_are_one_group(method: dict[str, Any]) -> None:
    one, four = (make(groups, method=method) for groups in (1, 4))
    losses, scores = [], []
    for each in (one, four):
        result = each.step(views(), streams_of(each, alike=True), 0)
        losses.append(result.loss.item())
        scores.append({name: value.item() for name, value in result.scores.items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert scores[1] == pytest.approx(scores[0], abs=1e-6)


def coefficients(result: Any) -> Tensor:
    """Return (S' - S) / (1 - S) of each positive, which is 2 l (1 - l)."""
    before, seen = result.before.positive, result.seen.positive
    return (seen - before) / (1 - before)


def test_each_group_of_simclr_has_a_coefficient_of_its_own() -> None:
    simclr = make(4, method={"name": "simclr"}, transform={"negatives": "none"})
    found = coefficients(simclr.step(views(), streams_of(simclr), 0)).view(4, -1)
    torch.testing.assert_close(found, found[:, :1].expand_as(found), rtol=1e-3, atol=1e-3)
    assert len(found[:, 0].unique()) == 4


def test_a_single_group_has_the_streams_that_it_always_had() -> None:
    assert make(1).streams == ("positives", "negatives")
    assert make(2).streams == ("positives", "negatives", "positives 1", "negatives 1")
