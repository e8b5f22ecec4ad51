"""The training of several ranks, here threads of this process, against that of a process alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import isclose
from typing import Any

import pytest
import torch

from ftlab.errors import NonFiniteLossError
from ftlab.testing.thread_ranks import Meeting, ThreadRanks
from ftlab.training.epoch_result import EpochResult
from ftlab.training.trainer import Trainer

BuildTrainer = Callable[..., Trainer]
BuildTeam = Callable[..., list[Trainer]]

BOTH = {"positives": "extrapolate", "negatives": "interpolate"}


@pytest.fixture
def build_team(build_trainer: BuildTrainer) -> BuildTeam:
    """Build the trainers of a trial's ranks: `build_team(2, seed=1, transform={...})`."""

    def build(size: int, **settings: Any) -> list[Trainer]:
        meeting = Meeting(size)
        return [build_trainer(ranks=ThreadRanks(rank, size, meeting), **settings) for rank in range(size)]

    return build


def together(team: Sequence[Trainer], epochs: int | None = None) -> list[list[EpochResult]]:
    """Train each trainer in a thread of its own, all at once."""
    with ThreadPoolExecutor(len(team)) as threads:
        return list(threads.map(lambda trainer: list(islice(trainer.epochs(), epochs)), team))


def assert_close_results(found: Sequence[EpochResult], expected: Sequence[EpochResult]) -> None:
    assert len(found) == len(expected) > 0
    for result, other in zip(found, expected, strict=True):
        assert result.epoch == other.epoch
        assert result.metrics.keys() == other.metrics.keys()
        for name, value in other.metrics.items():
            if not name.endswith("_seconds"):
                # An effective rank is a number of dimensions, of up to 64.
                relative = 1e-5 if name.endswith("_rankme") else 0
                assert isclose(result.metrics[name], value, rel_tol=relative, abs_tol=1e-5), name
        assert result.gradient_norms == pytest.approx(other.gradient_norms, rel=1e-3, abs=1e-5)
        assert result.steps.keys() == other.steps.keys()
        for name, series in other.steps.items():
            assert result.steps[name] == pytest.approx(series, rel=0, abs=1e-4), name
        for name, counts in other.histograms.items():
            # A score on the edge between two bins may fall into either.
            moved = sum(abs(a - b) for a, b in zip(result.histograms[name], counts, strict=True))
            assert sum(result.histograms[name]) == sum(counts)
            assert moved <= 4, name


def assert_close_states(found: Trainer, expected: Trainer) -> None:
    state, other = found.method.state_dict(), expected.method.state_dict()
    assert state.keys() == other.keys()
    for name, value in other.items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("size", "groups"), [(2, 2), *(pytest.param(size, 4, marks=pytest.mark.slow) for size in (2, 4))]
)
@pytest.mark.parametrize(
    "granularity",
    ["batch", *(pytest.param(each, marks=pytest.mark.slow) for each in ("sample", "dimension", "element"))],
)
def test_ranks_train_what_a_process_alone_trains(
    build_trainer: BuildTrainer, build_team: BuildTeam, size: int, groups: int, granularity: str
) -> None:
    settings = {"model": {"bn_groups": groups}, "transform": {**BOTH, "granularity": granularity, "start": 0.25}}
    alone, team = build_trainer(**settings), build_team(size, **settings)
    expected = list(alone.epochs())
    assert_close_results(together(team)[0], expected)
    assert_close_states(team[0], alone)


@pytest.mark.parametrize(
    "settings",
    [
        {"transform": {**BOTH, "negatives": "interpolate_union", "query_for_negatives": "original"}},
        {"transform": {**BOTH, "renormalise": True}, "train": {"channels_last": True}},
    ],
)
@pytest.mark.slow
def test_ranks_train_what_a_process_alone_trains_in_every_mode(
    build_trainer: BuildTrainer, build_team: BuildTeam, settings: dict[str, Any]
) -> None:
    assert_close_results(together(build_team(2, **settings))[0], list(build_trainer(**settings).epochs()))


def test_ranks_train_in_bfloat16(build_trainer: BuildTrainer, build_team: BuildTeam) -> None:
    # The gradient of each part is rounded to 8 bits before they are averaged.
    settings = {"train": {"precision": "bfloat16"}}
    (result,), (expected,) = together(build_team(2, **settings), 1)[0], islice(build_trainer(**settings).epochs(), 1)
    assert result.metrics["pretrain/loss"] == pytest.approx(expected.metrics["pretrain/loss"], rel=0.01)


def test_ranks_agree_to_the_last_bit(build_team: BuildTeam) -> None:
    team = build_team(2, transform={**BOTH, "granularity": "element"})
    results = together(team, 2)
    first, second = (trainer.method.state_dict() for trainer in team)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    for one, other in zip(*results, strict=True):
        assert one.metrics["pretrain/loss"] == other.metrics["pretrain/loss"]
        assert one.histograms == other.histograms


def test_only_the_first_rank_probes(build_team: BuildTeam) -> None:
    results = together(build_team(2))
    assert "probe/top1" in results[0][-1].metrics
    assert not any(name.startswith(("probe", "knn")) for result in results[1] for name in result.metrics)


def test_each_rank_makes_the_views_that_it_encodes(build_trainer: BuildTrainer, build_team: BuildTeam) -> None:
    whole = next(build_trainer().batches.epoch(1))
    parts = [next(trainer.batches.epoch(1)) for trainer in build_team(4, model={"bn_groups": 4})]
    assert {part.images[0].shape[0] for part in parts} == {2}
    assert all(torch.equal(part.order, whole.order) for part in parts)
    torch.testing.assert_close(torch.cat([part.images[0] for part in parts]), whole.images[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(torch.cat([part.images[1] for part in parts]), whole.images[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (4, 2)])
@pytest.mark.slow
def test_a_trial_goes_on_with_another_number_of_ranks(
    build_trainer: BuildTrainer, build_team: BuildTeam, before: int, after: int
) -> None:
    settings = {"model": {"bn_groups": 4}, "transform": {**BOTH, "granularity": "sample"}}
    alone = build_trainer(**settings)
    expected = list(alone.epochs())
    team = build_team(before, **settings) if before > 1 else [build_trainer(**settings)]
    together(team, 2)
    resumed = build_team(after, **settings) if after > 1 else [build_trainer(**settings)]
    resumed[0].load_state_dict(team[0].state_dict())
    with ThreadPoolExecutor(after) as threads:
        list(threads.map(lambda trainer: trainer.method.ranks.follow_first(trainer), resumed))
    assert {trainer.epochs_trained for trainer in resumed} == {2}
    assert_close_results(expected[:2] + together(resumed)[0], expected)
    assert_close_states(resumed[0], alone)


def test_a_loss_that_is_not_finite_stops_all_ranks_alike(build_team: BuildTeam) -> None:
    team = build_team(2, train={"learning_rate": 1e30})

    def train(trainer: Trainer) -> str:
        with pytest.raises(NonFiniteLossError) as raised:
            list(trainer.epochs())
        return str(raised.value)

    with ThreadPoolExecutor(2) as threads:
        messages = list(threads.map(train, team))
    assert messages[0] == messages[1]
    assert "in epoch 1, at or before step 5 of 5" in messages[0]
    assert team[0].history == team[1].history == []


def test_one_rank_with_a_loss_that_is_not_finite_stops_the_others(build_team: BuildTeam) -> None:
    team = build_team(2)
    draw = team[1].batches.epoch
    team[1].batches.epoch = lambda epoch: (
        views._replace(images=(views.images[0] * float("inf"), views.images[1])) for views in draw(epoch)
    )

    def train(trainer: Trainer) -> None:
        with pytest.raises(NonFiniteLossError, match="became nan in epoch 1"):
            list(trainer.epochs())

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(train, team))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"granularity": "sample", "negatives": "interpolate_union"}], ids=str)
def test_ranks_train_groups_of_ft_as_a_process_alone_does(
    build_trainer: BuildTrainer, build_team: BuildTeam, settings: dict[str, Any]
) -> None:
    transform = {**BOTH, "groups": 4, "start": 0.25, **settings}
    alone, team = build_trainer(transform=transform), build_team(2, transform=transform)
    expected = list(alone.epochs())
    assert_close_results(together(team)[0], expected)
    assert_close_states(team[0], alone)
