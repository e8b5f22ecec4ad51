"""The training loop: a generator that yields after every epoch."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ftlab.contrast.scores import ScoreHistogram, pool_statistics
from ftlab.errors import CheckpointError, NonFiniteLossError
from ftlab.methods.method import PretrainingMethod, Streams, Views
from ftlab.training.epoch_result import EpochResult
from ftlab.training.evaluation.probe import Judgement
from ftlab.training.gradient_norms import GradientNorms
from ftlab.training.schedule import CosineSchedule
from ftlab.training.sgd import SGD
from ftlab.training.step_series import step_series
from ftlab.training.streams import make_generator

STEPS_BETWEEN_LATE_CHECKS = 100

Optimizer = torch.optim.Optimizer | SGD
Probe = Callable[[int], Judgement]
DrawViews = Callable[[Tensor, Sequence[Tensor], torch.Generator], Callable[[int], Views]]


@dataclass
class EpochSums:
    """The sums over the steps of an epoch so far, on the training device; the same object from step to step.

    Attributes:
        learning_rate: Learning rate of the epoch.
        losses: (steps,) loss of each step; zero for those to come.
        scores: (steps, M) the method's statistics of each step, in their order; zero for those to come.
        gradient_norms: (layers,) sums of the norms of the layers' gradients.
        histograms: Score histograms of the last step; empty before it.
    """

    learning_rate: float
    losses: Tensor
    scores: Tensor
    gradient_norms: Tensor
    histograms: dict[str, ScoreHistogram] = field(default_factory=dict)


class Batches:
    """Views of every training image, in a seeded order, for one epoch at a time.

    Args:
        num_images: Number of training images.
        batch_size: N; the ragged last batch is dropped.
        draw_views: Called once an epoch with its order, (steps * N,) rows on the CPU, the (N,) order of each step's
            other views, see `Views`, and its generator; returns a function from a 0-based step to this rank's views.
        seed: Seed of order, orders of other views, and views.
        device: Device of the views.
        shuffled: Whether the other views of a batch are in a random order; else in that of the first.
    """

    def __init__(
        self,
        num_images: int,
        batch_size: int,
        draw_views: DrawViews,
        *,
        seed: int,
        device: torch.device,
        shuffled: bool = True,
    ) -> None:
        self.num_images = num_images
        self.batch_size = batch_size
        self.steps_per_epoch = num_images // batch_size
        self._draw_views = draw_views
        self._seed = seed
        self._device = device
        self._shuffled = shuffled

    def epoch(self, epoch: int) -> Iterator[Views]:
        """Yield the views of each step of the 0-based ``epoch``."""
        order = torch.randperm(self.num_images, generator=make_generator(self._seed, "order", epoch))
        used = order[: self.steps_per_epoch * self.batch_size]
        views = self._draw_views(used, self._orders(epoch), make_generator(self._seed, "views", epoch, self._device))
        return map(views, range(self.steps_per_epoch))

    def _orders(self, epoch: int) -> list[Tensor]:
        if not self._shuffled:
            return [torch.arange(self.batch_size, device=self._device)] * self.steps_per_epoch
        shuffle = make_generator(self._seed, "shuffle", epoch, self._device)
        return [
            torch.randperm(self.batch_size, generator=shuffle, device=self._device) for _ in range(self.steps_per_epoch)
        ]


class Trainer:
    """Pretrains one method and yields an `EpochResult` after every epoch.

    Everything random comes from streams named by (seed, purpose, epoch), so that a trainer restored from the state
    after epoch e continues bit for bit as if it had never stopped, on the same device and number of threads. If several
    ranks train together, all of them go through the same epochs, and losses and statistics are taken over all of them.

    Args:
        method: The pretraining method, which knows its ranks.
        optimizer: Moves the parameters of the method's `parameter_groups`, in groups that each lie within one of them.
        schedule: Learning rate of each epoch.
        batches: Source of views.
        probe: Called after each epoch with the number of epochs trained; judges the frozen encoder.
        seed: Seed of the method's random streams.
        device: Device of the training.
    """

    def __init__(
        self,
        method: PretrainingMethod[Any],
        optimizer: Optimizer,
        schedule: CosineSchedule,
        batches: Batches,
        probe: Probe,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.method = method
        self.optimizer = optimizer
        self.schedule = schedule
        self.batches = batches
        self.probe = probe
        self.seed = seed
        self.device = device
        self.history: list[EpochResult] = []
        self._ranks = method.ranks
        unscheduled = (group for group in method.parameter_groups() if not group.follows_schedule)
        self._unscheduled = {id(parameter) for group in unscheduled for parameter in group.parameters}
        self._parameters = method.trained_parameters()
        self._gradient_norms = GradientNorms(method.encoder)

    @property
    def epochs_trained(self) -> int:
        """Number of epochs behind the current state."""
        return len(self.history)

    def epochs(self) -> Iterator[EpochResult]:
        """Train the epochs that are left, yielding after each.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite. The last result that was yielded is that of the last
                finished epoch; a state after such a loss is never yielded.
        """
        while self.epochs_trained < self.schedule.epochs:
            result = self._train_epoch(self.epochs_trained)
            self.history.append(result)
            yield result

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on, and the results so far."""
        return {
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": [dict(vars(result)) for result in self.history],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state_dict` returned.

        Raises:
            CheckpointError: The state lacks a part or belongs to another architecture.
        """
        try:
            self.method.load_state_dict(state["method"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = [EpochResult(**result) for result in state["history"]]
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(f"a checkpoint must hold the trial's own architecture: {error}") from error

    def steps(self, epoch: int) -> Iterator[EpochSums]:
        """Train the 0-based ``epoch`` step by step, yielding its sums so far after every step.

        A caller that stops early, to time a few steps, leaves a state that no epoch ends with.

        Raises:
            NonFiniteLossError: The loss became NaN or infinite.
        """
        learning_rate = self.schedule.learning_rate(epoch)
        for group in self.optimizer.param_groups:
            stays = any(id(parameter) in self._unscheduled for parameter in group["params"])
            group["lr"] = self.schedule.peak if stays else learning_rate
        streams = self._streams(epoch)
        sums = EpochSums(
            learning_rate=learning_rate,
            losses=torch.zeros(self.batches.steps_per_epoch, device=self.device),
            scores=torch.zeros(
                self.batches.steps_per_epoch, len(self.method.statistics), dtype=torch.float64, device=self.device
            ),
            gradient_norms=torch.zeros(len(self._gradient_norms.names), device=self.device),
        )
        self.method.train()
        for step, views in enumerate(self.batches.epoch(epoch)):
            result = self.method.step(views, streams, epoch)
            sums.losses[step] = result.loss.detach()
            self._refuse_non_finite(sums.losses, epoch, step)
            self.optimizer.zero_grad(set_to_none=True)
            result.loss.backward()
            self._ranks.average_gradients(self._parameters)
            sums.gradient_norms += self._gradient_norms.measure()
            self.optimizer.step()
            measured = [result.scores[statistic.name] for statistic in self.method.statistics]
            torch.stack(measured, out=sums.scores[step])
            if step == len(sums.losses) - 1:
                sums.histograms = self.method.histograms(result)
            self.method.update(result)
            yield sums

    def _train_epoch(self, epoch: int) -> EpochResult:
        started = time.perf_counter()
        *_, sums = self.steps(epoch)
        self.method.complete_statistics()
        train_seconds = time.perf_counter() - started
        statistics = self.method.statistics
        pooled = pool_statistics(self._ranks.gather(sums.scores[None]), statistics)
        # cumsum() and not sum(): one step after another, so that the last bit depends on nothing else.
        means = (pooled.cumsum(dim=0)[-1] / len(sums.losses)).tolist()
        judgement = self.probe(epoch + 1)
        metrics = {
            "pretrain/loss": self._ranks.mean(sums.losses).double().mean().item(),
            "pretrain/learning_rate": sums.learning_rate,
            **{one.name: mean for one, mean in zip(statistics, means, strict=True) if one.is_reported},
            **judgement.metrics,
            "train_seconds": train_seconds,
            "epoch_seconds": time.perf_counter() - started,
        }
        return EpochResult(
            epoch + 1,
            time.time(),
            metrics,
            histograms={name: histogram.counts.tolist() for name, histogram in sums.histograms.items()},
            edges={name: list(histogram.edges) for name, histogram in sums.histograms.items()},
            steps=step_series(pooled, [one.name for one in statistics], epoch * len(sums.losses)),
            gradient_norms=self._mean_norms(sums),
            right=judgement.right,
        )

    def _mean_norms(self, sums: EpochSums) -> dict[str, float]:
        norms = (sums.gradient_norms / len(sums.losses)).tolist()
        return dict(zip(self._gradient_norms.names, norms, strict=True))

    def _streams(self, epoch: int) -> Streams:
        return {name: make_generator(self.seed, name, epoch, self.device) for name in self.method.streams}

    def _refuse_non_finite(self, losses: Tensor, epoch: int, step: int) -> None:
        # Reading a loss makes the host wait for a GPU, and ranks for each other, so there it is read now and then and
        # at the epoch's end: a state behind a non-finite loss is discarded, never yielded. Ranks read the mean of all
        # their losses, and so they stop together.
        late = self.device.type == "cuda" or self._ranks.size > 1
        last = step == len(losses) - 1
        if late and not last and (step + 1) % STEPS_BETWEEN_LATE_CHECKS:
            return
        checked = self._ranks.mean(losses[: step + 1] if late else losses[step : step + 1]).tolist()
        if all(map(isfinite, checked)):
            return
        raise NonFiniteLossError(
            f"the loss must be finite, but became {next(filterfalse(isfinite, checked))} in epoch {epoch + 1}, "
            f"at or before step {step + 1} of {len(losses)}; try a lower train.learning_rate or precision=float32."
        )
