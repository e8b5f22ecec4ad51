"""The contract of pretraining methods, as tests that a method of any package inherits.

class TestMine(MethodContract):
settings = {"method": {"name": "mine"}}
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import torch

from ftlab.assembly.trial_parts import make_trainer, method_class
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.encoders.export import backbone_state
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.testing.thread_ranks import Meeting, ThreadRanks
from ftlab.training.trainer import Trainer

CPU = torch.device("cpu")
NUM_CLASSES = 4


def make_images(num_train: int = 44, num_test: int = 16, size: int = 8) -> ImageDataset:
    """Return gray noise in 4 classes, brighter from class to class.

    Args:
        num_train: Training images.
        num_test: Test images.
        size: Side of the images.
    """
    random = np.random.default_rng(0)

    def split(num_images: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(num_images, dtype=np.int64) % NUM_CLASSES
        noise = random.integers(0, 100, (num_images, 1, size, size))
        return (noise + 50 * labels[:, None, None, None]).astype(np.uint8), labels

    train_images, train_labels = split(num_train)
    test_images, test_labels = split(num_test)
    return ImageDataset(
        name="noise",
        fingerprint="0" * 32,
        class_names=tuple("abcd"),
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        channel_mean=(float(train_images.mean() / 255),),
        channel_std=(float(train_images.std() / 255),),
        skipped=(),
    )


class MethodContract:
    """Tests that every `ftlab.methods.method.PretrainingMethod` passes; inherit them in a class that pytest collects.

    Attributes:
        settings: Sections of a trial that chooses the method; the rest is a trial of seconds.
        transform: Feature transformation that the method takes; None if it takes none, which skips the tests of it.
        num_ranks: Processes whose shared training must be that of one; 1 if the method is for one process alone.
    """

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    transform: ClassVar[Mapping[str, Any] | None] = None
    num_ranks: ClassVar[int] = 2

    def test_every_gradient_is_finite_and_there(self) -> None:
        """Each parameter that is trained gets a finite gradient, and the loss is a finite scalar."""
        for trainer in (self.trainer(), *self.transformed()):
            next(trainer.steps(0))
            gradients = [parameter.grad for parameter in trainer.method.trained_parameters()]
            assert gradients
            assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)

    def test_it_measures_what_it_declares(self) -> None:
        """A step has a value of every statistic, an epoch the reported ones, and a verdict follows from its metrics."""
        trainer = self.trainer()
        result = next(trainer.epochs())
        names = {statistic.name for statistic in trainer.method.statistics}
        assert names == result.steps.keys() - {"step"}
        assert {one.name for one in trainer.method.statistics if one.is_reported} <= result.metrics.keys()
        assert all(isfinite(value) for value in result.metrics.values())
        assert isinstance(trainer.method.detect_collapse(result.metrics).collapsed, bool)

    def test_the_same_trial_gives_the_same_bits(self) -> None:
        """Nothing is random but what the seed decides."""
        torch.rand(1)  # the global generator decides nothing
        first, second = self.trainer(), self.trainer()
        _train(first)
        _train(second)
        _assert_same(first, second)

    def test_resuming_is_bit_identical(self) -> None:
        """A trainer that is restored from a state goes on as if it had never stopped."""
        for whole, stopped, fresh in ([self.trainer() for _ in range(3)], [*self.transformed(3)]):
            _train(whole)
            _train(stopped, 1)
            fresh.load_state_dict(stopped.state_dict())
            _train(fresh)
            _assert_same(fresh, whole)
            if self.transform is None:
                break

    def test_ft_with_a_coefficient_of_one_is_the_plain_method(self) -> None:
        """Mixing with l = 1 leaves the features as they are, so the loss of a first step is the plain one."""
        if self.transform is None:
            return
        neutral = {**self.transform, "lambda_extrapolation": [1.0, 1.0], "lambda_interpolation": [1.0, 1.0]}
        plain, mixed = self.trainer(), self.trainer(transform=neutral)
        losses = [next(trainer.steps(0)).losses[0].item() for trainer in (plain, mixed)]
        assert abs(losses[1] - losses[0]) <= 1e-5 * max(1.0, abs(losses[0]))

    def test_ranks_train_what_one_process_trains(self) -> None:
        """The number of processes decides nothing but the last bits."""
        if self.num_ranks == 1:
            return
        alone, meeting = self.trainer(), Meeting(self.num_ranks)
        team = [self.trainer(ThreadRanks(rank, self.num_ranks, meeting)) for rank in range(self.num_ranks)]
        with ThreadPoolExecutor(self.num_ranks) as threads:
            list(threads.map(_train, team))
        _train(alone)
        state = team[0].method.state_dict()
        for name, value in alone.method.state_dict().items():
            torch.testing.assert_close(state[name], value, rtol=0, atol=1e-4, msg=name)

    def test_its_encoder_can_be_exported(self) -> None:
        """The state of a checkpoint holds the backbone under the name that the class declares."""
        trainer = self.trainer()
        name = method_class(trial_config(self.settings).method).encoder_name
        exported = backbone_state(trainer.method.state_dict(), name)
        assert exported.keys() == trainer.method.encoder.backbone.state_dict().keys()

    def trainer(self, ranks: Ranks = ALONE, **changes: Mapping[str, Any]) -> Trainer:
        """Build the trainer of a trial of the method."""
        return make_trainer(trial_config({**self.settings, **changes}), make_images(), CPU, ranks)

    def transformed(self, number: int = 1) -> list[Trainer]:
        """Build trainers of a trial with FT from its second epoch on; none if the method takes no FT."""
        if self.transform is None:
            return []
        return [self.trainer(transform={"start": 0.5, **self.transform}) for _ in range(number)]


def trial_config(settings: Mapping[str, Mapping[str, Any]]) -> TrialConfig:
    """Return a trial of two epochs of five steps, with settings laid over it by section."""
    sections: dict[str, dict[str, Any]] = {
        "model": {"feature_dim": 8, "bn_groups": 2},
        "train": {"epochs": 2, "batch_size": 8},
        "probe": {"every": 0, "knn_k": 3, "few_shot_labels": 2, "few_shot_draws": 2, "linear_epochs": 1},
    }
    for name, values in settings.items():
        sections[name] = {**sections.get(name, {}), **values}
    return TrialConfig.model_validate(sections)


def _train(trainer: Trainer, epochs: int | None = None) -> None:
    list(islice(trainer.epochs(), epochs))


def _assert_same(found: Trainer, expected: Trainer) -> None:
    state = found.method.state_dict()
    assert [name for name, value in expected.method.state_dict().items() if not torch.equal(state[name], value)] == []
