from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from math import isfinite, nan
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from same_bits import assert_same_bits, flatten, is_a_time
from torch import Tensor

from ftlab.contrast.score_statistics import SCORE_STATISTICS
from ftlab.errors import CheckpointError, NonFiniteLossError
from ftlab.methods.method import Views
from ftlab.storage.local import LocalFolder
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult
from ftlab.training.streams import make_generator
from ftlab.training.trainer import Batches, Trainer

BuildTrainer = Callable[..., Trainer]

REPORTED = tuple(statistic.name for statistic in SCORE_STATISTICS if statistic.is_reported)

BOTH = {"positives": "extrapolate", "negatives": "interpolate"}
TRANSFORMS: dict[str, dict[str, Any]] = {
    "none": {},
    "batch": {**BOTH, "granularity": "batch"},
    "element": {**BOTH, "granularity": "element"},
    "union from epoch 2 to 3": {"negatives": "interpolate_union", "start": 0.5, "stop": 0.75},
}


def measured(result: EpochResult) -> dict[str, Any]:
    return {name: value for name, value in flatten(asdict(result)) if not is_a_time(name)}


def equal_views(first: Iterable[Views], second: Iterable[Views]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(all(map(torch.equal, (*a.images, a.order), (*b.images, b.order))) for a, b in pairs)


def train(trainer: Trainer, epochs: int) -> list[EpochResult]:
    return list(islice(trainer.epochs(), epochs))


class TestResuming:
    @pytest.mark.parametrize("name", TRANSFORMS)
    @pytest.mark.parametrize("stopped_after", [pytest.param(1, marks=pytest.mark.slow), 3])
    def test_is_bit_identical_to_never_having_stopped(
        self, build_trainer: BuildTrainer, tmp_path: Path, name: str, stopped_after: int
    ) -> None:
        unstopped = build_trainer(transform=TRANSFORMS[name])
        train(unstopped, 4)

        store = CheckpointStore(LocalFolder(tmp_path))
        stopped = build_trainer(transform=TRANSFORMS[name])
        train(stopped, stopped_after)
        store.save("prefix", stopped.state_dict())
        resumed = build_trainer(transform=TRANSFORMS[name])
        resumed.load_state_dict(store.load("prefix", "cpu"))
        assert resumed.epochs_trained == stopped_after
        assert [result.epoch for result in resumed.epochs()] == list(range(stopped_after + 1, 5))

        assert_same_bits(resumed.state_dict(), unstopped.state_dict())
        state = dict(flatten(resumed.state_dict()))
        for part in ("queue.pointer", "queue.keys", "queue.key_sum", "queue.key_gram"):
            assert f"/method/{part}" in state
        assert any("momentum_buffer" in name for name in state)
        assert state["/method/queue.pointer"].item() == 4 * 5 * 8 % 20

    def test_a_state_is_what_its_epoch_left(self, build_trainer: BuildTrainer, tmp_path: Path) -> None:
        store = CheckpointStore(LocalFolder(tmp_path))
        trainer = build_trainer()
        for result in trainer.epochs():
            store.save(str(result.epoch), trainer.state_dict())
        for epoch in range(1, 5):
            fresh = build_trainer()
            train(fresh, epoch)
            assert_same_bits(fresh.state_dict(), store.load(str(epoch), "cpu"))

    def test_a_finished_training_has_nothing_left(self, build_trainer: BuildTrainer) -> None:
        trainer, restored = build_trainer(), build_trainer()
        results = train(trainer, 4)
        restored.load_state_dict(trainer.state_dict())
        assert list(restored.epochs()) == []
        assert restored.history == results

    @pytest.mark.parametrize(
        "other", [{"model": {"feature_dim": 16}}, {"model": {"head": "linear"}}, {"method": {"queue_size": 24}}]
    )
    def test_a_state_of_another_architecture_is_refused(
        self, build_trainer: BuildTrainer, other: dict[str, dict[str, Any]]
    ) -> None:
        with pytest.raises(CheckpointError, match="must hold the trial's own architecture"):
            build_trainer().load_state_dict(build_trainer(**other).state_dict())

    def test_goes_on_from_a_state_of_before_steps_were_kept(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        train(trainer, 1)
        state = trainer.state_dict()
        for result in state["history"]:
            del result["steps"], result["gradient_norms"]
        restored = build_trainer()
        restored.load_state_dict(state)
        assert restored.history[0].steps == restored.history[0].gradient_norms == {}

    @pytest.mark.parametrize("missing", ["method", "optimizer", "history"])
    def test_a_state_that_lacks_a_part_is_refused(self, build_trainer: BuildTrainer, missing: str) -> None:
        trainer = build_trainer()
        state = trainer.state_dict()
        del state[missing]
        with pytest.raises(CheckpointError, match=f"must hold the trial's own architecture.*{missing}"):
            trainer.load_state_dict(state)


class TestCommonRandomNumbers:
    CELLS: tuple[dict[str, dict[str, Any]], ...] = (
        {"transform": BOTH},
        {"transform": {**BOTH, "granularity": "element", "query_for_negatives": "original"}},
        {"transform": {"negatives": "interpolate_union", "alpha_interpolation": 0.2}},
        {"method": {"key_momentum": 0.5, "temperature": 0.2, "queue_size": 32}},
        {"train": {"learning_rate": 0.3}},
    )

    @pytest.mark.parametrize("cell", CELLS)
    def test_cells_with_one_seed_share_weights_order_and_views(
        self, build_trainer: BuildTrainer, cell: dict[str, dict[str, Any]]
    ) -> None:
        baseline, other = build_trainer(), build_trainer(**cell)
        weights = other.method.query_encoder.state_dict()
        for name, value in baseline.method.query_encoder.state_dict().items():
            assert torch.equal(value, weights[name]), name
        for epoch in (0, 3):
            assert equal_views(baseline.batches.epoch(epoch), other.batches.epoch(epoch))

    def test_views_do_not_depend_on_what_was_trained_before(self, build_trainer: BuildTrainer) -> None:
        fresh, trained = build_trainer(), build_trainer(transform=BOTH)
        train(trained, 2)
        assert equal_views(fresh.batches.epoch(2), trained.batches.epoch(2))

    def test_seeds_share_nothing(self, build_trainer: BuildTrainer) -> None:
        first, second = build_trainer(seed=0), build_trainer(seed=1)
        views = next(first.batches.epoch(0))
        for other in (next(second.batches.epoch(0)), next(first.batches.epoch(1))):
            assert not any(map(torch.equal, views.images, other.images))
        assert not torch.equal(first.method.queue.keys, second.method.queue.keys)
        weights = [trainer.method.query_encoder.backbone[0].weight for trainer in (first, second)]
        assert not torch.equal(*weights)

    def test_building_does_not_touch_the_global_generator(self, build_trainer: BuildTrainer) -> None:
        state = torch.random.get_rng_state()
        train(build_trainer(transform=BOTH), 1)
        assert torch.equal(torch.random.get_rng_state(), state)


class TestWhenToAddTheTransformation:
    def test_before_its_start_it_changes_nothing(self, build_trainer: BuildTrainer) -> None:
        never, late = build_trainer(), build_trainer(transform={**BOTH, "start": 0.5})
        for result, expected in zip(train(late, 2), train(never, 2), strict=True):
            assert measured(result) == measured(expected)
        assert_same_bits(late.state_dict(), never.state_dict())
        (result,), (expected,) = train(late, 1), train(never, 1)
        assert result.metrics["pretrain/loss"] != expected.metrics["pretrain/loss"]

    def test_before_its_stop_it_is_the_full_one(self, build_trainer: BuildTrainer) -> None:
        full, stopped = build_trainer(transform=BOTH), build_trainer(transform={**BOTH, "stop": 0.5})
        train(full, 2)
        train(stopped, 2)
        assert_same_bits(stopped.state_dict(), full.state_dict())
        (result,) = train(stopped, 1)
        assert result.metrics["scores/positive_mean"] == result.metrics["scores/positive_mean_transformed"]

    def test_never_is_off(self, build_trainer: BuildTrainer) -> None:
        never, off = build_trainer(transform={**BOTH, "start": "never"}), build_trainer()
        train(never, 4)
        train(off, 4)
        assert_same_bits(never.state_dict(), off.state_dict())

    def test_a_coefficient_of_one_is_off(self, build_trainer: BuildTrainer) -> None:
        ranges = {"lambda_extrapolation": (1.0, 1.0), "lambda_interpolation": (1.0, 1.0)}
        ones, off = build_trainer(transform={**BOTH, **ranges}), build_trainer()
        train(ones, 2)
        train(off, 2)
        assert_same_bits(ones.method.state_dict(), off.method.state_dict())


class TestEpochs:
    def test_one_result_an_epoch(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        epochs = trainer.epochs()
        for epoch in range(1, 5):
            result = next(epochs)
            assert result.epoch == trainer.epochs_trained == epoch
            assert trainer.history[-1] is result
        assert next(epochs, None) is None

    def test_what_is_measured(self, build_trainer: BuildTrainer) -> None:
        results = train(build_trainer(transform=BOTH), 4)
        each = {
            "pretrain/loss",
            "pretrain/learning_rate",
            *REPORTED,
            "knn/top1",
            "health/backbone_rankme",
            "health/embedding_rankme",
            "health/alignment",
            "health/uniformity",
            "health/feature_std",
            "train_seconds",
            "epoch_seconds",
        }
        assert [set(result.metrics) for result in results[:-1]] == [each] * 3
        assert set(results[-1].metrics) == each | {"probe/few_shot_top1", "probe/top1"}
        assert [set(result.right) for result in results] == [set()] * 3 + [
            {"knn/top1", "probe/few_shot_top1", "probe/top1"}
        ]
        for result in results:
            assert all(isfinite(value) for value in result.metrics.values())
            assert 0 < result.metrics["train_seconds"] <= result.metrics["epoch_seconds"]
            positive, harder = (result.metrics[f"scores/positive_mean{end}"] for end in ("", "_transformed"))
            assert harder < positive
            assert {name: sum(counts) for name, counts in result.histograms.items()} == {
                "scores/positive": 8,
                "scores/negative": 8 * 20,
                "scores/positive_transformed": 8,
                "scores/negative_transformed": 8 * 20,
            }

    def test_histograms_have_the_edges_of_the_scores_in_their_epoch(self, build_trainer: BuildTrainer) -> None:
        before, after = train(build_trainer(transform={**BOTH, "start": 0.25}), 2)
        assert set(map(tuple, before.edges.values())) == {(-1.0, 1.0)}
        assert after.edges == {
            "scores/positive": [-1.0, 1.0],
            "scores/negative": [-1.0, 1.0],
            "scores/positive_transformed": [-9.0, 1.0],
            "scores/negative_transformed": [-3.0, 3.0],
        }

    def test_single_steps_and_gradient_norms_are_kept(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        *_, result = train(trainer, 2)
        steps = trainer.batches.steps_per_epoch
        assert result.steps["step"] == list(range(steps + 1, 2 * steps + 1))
        for name in REPORTED:
            assert sum(result.steps[name]) / steps == pytest.approx(result.metrics[name], rel=1e-5)
        assert list(result.gradient_norms) == [
            "backbone.0",
            "backbone.3",
            "backbone.6",
            "projection_head.0",
            "projection_head.2",
        ]
        assert all(norm > 0 for norm in result.gradient_norms.values())

    def test_gradient_norms_are_means_over_the_steps(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        weight = trainer.method.query_encoder.backbone[0].weight
        norms = [weight.grad.norm().item() for _ in trainer.steps(0)]
        (result,) = train(build_trainer(), 1)
        assert result.gradient_norms["backbone.0"] == pytest.approx(sum(norms) / len(norms))

    def test_the_learning_rate_follows_the_schedule(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer(train={"warmup_epochs": 2, "learning_rate": 0.06})
        used = []
        for result in trainer.epochs():
            used += [group["lr"] for group in trainer.optimizer.param_groups]
            assert result.metrics["pretrain/learning_rate"] == used[-1]
        assert used == [trainer.schedule.learning_rate(epoch) for epoch in range(4)]
        assert used[:2] == [0.03, 0.06]

    def test_steps_follow_each_other_as_in_the_paper(self, build_trainer: BuildTrainer) -> None:
        """Two epochs by hand: step, backward, SGD, key encoder, queue."""
        trainer, oracle = build_trainer(transform=BOTH, seed=3), build_trainer(transform=BOTH, seed=3)
        results = train(trainer, 2)
        method = oracle.method.train()
        queries, keys = list(method.query_encoder.parameters()), list(method.key_encoder.parameters())
        velocities = [torch.zeros_like(query) for query in queries]
        for epoch in range(2):
            learning_rate = oracle.schedule.learning_rate(epoch)
            streams = {name: make_generator(3, name, epoch) for name in method.streams}
            losses, scores = [], []
            for views in oracle.batches.epoch(epoch):
                step = method.step(views, streams, epoch)
                losses.append(step.loss.item())
                scores.append({name: value.item() for name, value in step.scores.items()})
                gradients = torch.autograd.grad(step.loss, queries)
                with torch.no_grad():
                    for query, key, gradient, velocity in zip(queries, keys, gradients, velocities, strict=True):
                        velocity.mul_(0.9).add_(gradient + 5e-4 * query)
                        query.sub_(learning_rate * velocity)
                        key.copy_(0.9 * key + 0.1 * query)
                    method.queue.enqueue(step.keys)
            metrics = results[epoch].metrics
            assert metrics["pretrain/loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-5)
            means = {name: fmean(step[name] for step in scores) for name in REPORTED}
            assert {name: metrics[name] for name in REPORTED} == pytest.approx(means, abs=1e-5)
        for name, value in trainer.method.state_dict().items():
            torch.testing.assert_close(value, method.state_dict()[name], rtol=0, atol=1e-4, msg=name)

    def test_probes_do_not_change_the_training(self, build_trainer: BuildTrainer) -> None:
        often, once = build_trainer(probe={"every": 1}), build_trainer(probe={"every": 0})
        train(often, 4)
        train(once, 4)
        assert_same_bits(often.method.state_dict(), once.method.state_dict())
        assert ["knn/top1" in result.metrics for result in once.history] == [False, False, False, True]

    def test_key_momentum_one_never_moves_the_key_encoder(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer(method={"key_momentum": 1.0})
        before = [parameter.clone() for parameter in trainer.method.key_encoder.parameters()]
        train(trainer, 2)
        assert all(map(torch.equal, trainer.method.key_encoder.parameters(), before))


class TestSteps:
    def test_of_a_whole_epoch_leave_the_state_of_that_epoch(self, build_trainer: BuildTrainer) -> None:
        stepped, trained = build_trainer(transform=BOTH), build_trainer(transform=BOTH)
        *_, sums = stepped.steps(0)
        (result,) = train(trained, 1)
        assert sums.losses.double().mean().item() == result.metrics["pretrain/loss"]
        assert {name: found.counts.tolist() for name, found in sums.histograms.items()} == result.histograms
        assert stepped.epochs_trained == 0
        assert_same_bits(
            {**stepped.state_dict(), "history": []},
            {**trained.state_dict(), "history": []},
        )

    def test_stop_when_the_caller_has_enough(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        sums = list(islice(trainer.steps(0), 2))[-1]
        assert (sums.losses != 0).tolist() == [True, True, False, False, False]
        assert sums.histograms == {}
        assert trainer.method.queue.pointer.item() == 2 * 8 % 20

    def test_take_part_in_ft_as_their_epoch_does(self, build_trainer: BuildTrainer) -> None:
        late, never = build_trainer(transform={**BOTH, "start": 0.5}), build_trainer()
        for epoch, equal in ((0, True), (2, False)):
            losses = [next(trainer.steps(epoch)).losses[0].item() for trainer in (late, never)]
            assert (losses[0] == losses[1]) is equal


class TestNonFiniteLoss:
    def test_stops_before_a_weight_moved(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer()
        epochs = trainer.epochs()
        next(epochs)
        before = {name: value.clone() for name, value in trainer.method.named_parameters()}
        keys = trainer.method.queue.keys.clone()
        trainer.method.temperature = nan
        with pytest.raises(NonFiniteLossError, match=r"became nan in epoch 2, at or before step 1 of 5"):
            next(epochs)
        assert all(torch.equal(value, before[name]) for name, value in trainer.method.named_parameters())
        assert torch.equal(trainer.method.queue.keys, keys)

    def test_yields_no_result(self, build_trainer: BuildTrainer) -> None:
        trainer = build_trainer(train={"learning_rate": 1e30})
        with pytest.raises(NonFiniteLossError, match="in epoch 1, at or before step"):
            list(trainer.epochs())
        assert trainer.history == []
        assert trainer.epochs_trained == 0


class TestBatches:
    @staticmethod
    def make_batches(num_images: int, batch_size: int, seed: int = 0) -> Batches:
        def draw_views(
            order: Tensor, key_orders: Sequence[Tensor], generator: torch.Generator
        ) -> Callable[[int], Views]:
            def views(step: int) -> Views:
                rows = order[step * batch_size : (step + 1) * batch_size]
                return Views((rows, torch.rand(batch_size, generator=generator)), key_orders[step])

            return views

        return Batches(num_images, batch_size, draw_views, seed=seed, device=torch.device("cpu"))

    @pytest.mark.parametrize(("num_images", "steps"), [(10, 2), (12, 3), (11, 2), (4, 1), (3, 0)])
    def test_the_ragged_last_batch_is_dropped(self, num_images: int, steps: int) -> None:
        batches = self.make_batches(num_images, 4)
        drawn = list(batches.epoch(0))
        assert batches.steps_per_epoch == len(drawn) == steps
        rows = [row for views in drawn for row in views.images[0].tolist()]
        assert len(set(rows)) == 4 * steps
        assert set(rows) <= set(range(num_images))

    def test_each_epoch_has_its_own_order(self) -> None:
        batches = self.make_batches(40, 4)
        epochs = [torch.cat([views.images[0] for views in batches.epoch(epoch)]) for epoch in (0, 1, 0)]
        assert torch.equal(epochs[0].sort().values, torch.arange(40))
        assert not torch.equal(epochs[0], epochs[1])
        assert torch.equal(epochs[0], epochs[2])

    def test_each_step_has_its_own_key_order(self) -> None:
        batches = self.make_batches(40, 8)
        epochs = [[views.order.tolist() for views in batches.epoch(epoch)] for epoch in (0, 1, 0)]
        orders = epochs[0] + epochs[1]
        assert all(sorted(order) == list(range(8)) for order in orders)
        assert len({tuple(order) for order in orders}) == 10
        assert epochs[0] == epochs[2]

    def test_queries_and_keys_are_views_of_the_same_images(self, build_trainer: BuildTrainer) -> None:
        epoch = list(build_trainer().batches.epoch(0))
        queries = torch.cat([views.images[0] for views in epoch])
        keys = torch.cat([views.images[1][views.order.argsort()] for views in epoch])
        assert queries.shape == keys.shape == (40, 1, 8, 8)
        assert not torch.equal(queries, keys)
        # An image stays brighter or darker than others in both views: no other pairing fits as well.
        brightness = [views.mean(dim=(1, 2, 3)) for views in (queries, keys)]
        fits = [torch.corrcoef(torch.stack([brightness[0], brightness[1].roll(by)]))[0, 1] for by in range(40)]
        assert fits.index(max(fits)) == 0
