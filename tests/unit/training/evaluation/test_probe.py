from collections.abc import Callable, Iterator
from dataclasses import replace
from math import exp

import pytest
import torch
from torch import Tensor, nn

from ftlab.training.evaluation.features import CHUNK, Features, extract_features, percent_right
from ftlab.training.evaluation.few_shot import few_shot_right
from ftlab.training.evaluation.knn import knn_right
from ftlab.training.evaluation.linear import LinearEvaluation
from ftlab.training.evaluation.probe import Judgement, ProbeSuite
from ftlab.training.evaluation.right_images import share_right, unpack_right

NUM_CLASSES = 3


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_features(num_train: int = 40, num_test: int = 30, *, separation: float = 0.7, dim: int = 4) -> Features:
    """Gaussian clouds, one a class, of different sizes and lengths."""
    generator = make_generator(1)
    centres = separation * torch.randn(NUM_CLASSES, dim, generator=generator)
    labels = torch.randint(0, NUM_CLASSES, (num_train + num_test,), generator=generator)
    features = centres[labels] + torch.randn(len(labels), dim, generator=generator)
    features *= 0.1 + 5 * torch.rand(len(labels), 1, generator=generator)
    train, test = features[:num_train], features[num_train:]
    return Features(train, labels[:num_train], test, labels[num_train:], NUM_CLASSES)


def knn_accuracy(features: Features, *, k: int, temperature: float) -> float:
    return percent_right(knn_right(features, k=k, temperature=temperature))


def few_shot_accuracy(features: Features, *, num_labels: int, num_draws: int, generator: torch.Generator) -> float:
    return percent_right(few_shot_right(features, num_labels=num_labels, num_draws=num_draws, generator=generator))


def unit(row: list[float]) -> list[float]:
    norm = sum(value * value for value in row) ** 0.5
    return [value / norm for value in row]


def dot(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def knn_by_loops(features: Features, k: int, temperature: float) -> float:
    bank = [unit(row) for row in features.train.tolist()]
    num_correct = 0
    for row, label in zip(features.test.tolist(), features.test_labels.tolist(), strict=True):
        similarities = [dot(unit(row), other) for other in bank]
        nearest = sorted(range(len(bank)), key=lambda position: -similarities[position])[:k]
        votes = [0.0] * features.num_classes
        for position in nearest:
            votes[int(features.train_labels[position])] += exp(similarities[position] / temperature)
        num_correct += votes.index(max(votes)) == label
    return 100 * num_correct / len(features.test)


def few_shot_by_loops(features: Features, num_labels: int, num_draws: int, seed: int) -> float:
    generator = make_generator(seed)
    accuracies = []
    for _ in range(num_draws):
        centroids = []
        for label in range(features.num_classes):
            rows = [row for row, other in enumerate(features.train_labels.tolist()) if other == label]
            drawn = [rows[place] for place in torch.randperm(len(rows), generator=generator).tolist()[:num_labels]]
            units = [unit(features.train[row].tolist()) for row in drawn]
            centroids.append(unit([sum(column) / num_labels for column in zip(*units, strict=True)]))
        num_correct = 0
        for row, label in zip(features.test.tolist(), features.test_labels.tolist(), strict=True):
            scores = [dot(unit(row), centroid) for centroid in centroids]
            num_correct += scores.index(max(scores)) == label
        accuracies.append(100 * num_correct / len(features.test))
    return sum(accuracies) / num_draws


class TestNearestNeighbours:
    @pytest.mark.parametrize("k", [1, 5, 40])
    @pytest.mark.parametrize("temperature", [0.07, 0.5, 100.0])
    def test_agrees_with_loops(self, k: int, temperature: float) -> None:
        features = make_features()
        expected = knn_by_loops(features, k, temperature)
        assert 0 < expected < 100
        assert knn_accuracy(features, k=k, temperature=temperature) == pytest.approx(expected)

    def test_agrees_with_loops_over_several_chunks(self) -> None:
        features = make_features(num_train=20, num_test=CHUNK + 50)
        assert knn_accuracy(features, k=3, temperature=0.1) == pytest.approx(knn_by_loops(features, 3, 0.1))

    def test_a_training_image_is_its_own_nearest_neighbour(self) -> None:
        features = make_features()
        itself = replace(features, test=features.train, test_labels=features.train_labels)
        assert knn_accuracy(itself, k=1, temperature=0.1) == 100.0

    def test_length_counts_for_nothing(self) -> None:
        features = make_features()
        scaled = replace(features, train=1000 * features.train, test=features.test / 1000)
        assert knn_accuracy(scaled, k=5, temperature=0.1) == knn_accuracy(features, k=5, temperature=0.1)

    def test_a_small_temperature_does_not_overflow(self) -> None:
        features = make_features()
        nearest = knn_accuracy(features, k=1, temperature=1.0)
        assert knn_accuracy(features, k=20, temperature=1e-6) == nearest


class TestFewShot:
    @pytest.mark.parametrize(("num_labels", "num_draws"), [(1, 1), (3, 5), (8, 2)])
    def test_agrees_with_loops(self, num_labels: int, num_draws: int) -> None:
        features = make_features()
        found = few_shot_accuracy(features, num_labels=num_labels, num_draws=num_draws, generator=make_generator(7))
        assert found == pytest.approx(few_shot_by_loops(features, num_labels, num_draws, seed=7))

    def test_separate_classes_are_told_apart(self) -> None:
        labels = torch.arange(30) % NUM_CLASSES
        points = torch.eye(NUM_CLASSES)[labels] + 0.05 * torch.randn(30, NUM_CLASSES, generator=make_generator())
        features = Features(points, labels, points.flip(0), labels.flip(0), NUM_CLASSES)
        assert few_shot_accuracy(features, num_labels=1, num_draws=3, generator=make_generator()) == 100.0

    def test_noise_is_at_chance(self) -> None:
        generator = make_generator()
        labels = torch.arange(3000) % NUM_CLASSES
        features = Features(
            torch.randn(300, 8, generator=generator),
            labels[:300],
            torch.randn(3000, 8, generator=generator),
            labels,
            NUM_CLASSES,
        )
        found = few_shot_accuracy(features, num_labels=5, num_draws=20, generator=generator)
        assert found == pytest.approx(100 / NUM_CLASSES, abs=2.0)

    def test_all_labels_leave_nothing_to_draw(self) -> None:
        features = make_features()
        smallest = features.train_labels.bincount().min().item()
        keep = torch.cat([(features.train_labels == label).nonzero()[:smallest, 0] for label in range(NUM_CLASSES)])
        features = replace(features, train=features.train[keep], train_labels=features.train_labels[keep])
        found = {
            few_shot_accuracy(features, num_labels=smallest, num_draws=2, generator=make_generator(seed))
            for seed in range(3)
        }
        assert len(found) == 1

    def test_draws_follow_the_generator(self) -> None:
        features = make_features()

        def accuracy(seed: int) -> float:
            return few_shot_accuracy(features, num_labels=2, num_draws=4, generator=make_generator(seed))

        assert accuracy(0) == accuracy(0)
        assert len({accuracy(seed) for seed in range(5)}) > 1


class TestExtraction:
    @pytest.mark.parametrize("num_images", [1, CHUNK, CHUNK + 3])
    @pytest.mark.parametrize("training", [True, False])
    def test_features_are_those_of_evaluation_mode(self, num_images: int, training: bool) -> None:
        backbone = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train(training)
        images = torch.randn(num_images, 1, 2, 2, generator=make_generator())
        before = {name: value.clone() for name, value in backbone.state_dict().items()}
        features = extract_features(backbone, num_images, lambda rows: images[rows])
        assert backbone.training == backbone[2].training == training
        assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
        assert features.dtype == torch.float32
        assert not features.requires_grad
        with torch.no_grad():
            torch.testing.assert_close(features, backbone.eval()(images))


class TestSuite:
    LINEAR = LinearEvaluation(learning_rates=(0.1, 1.0), epochs=2, batch_size=16, holdout=0.2)

    @pytest.fixture
    def make_suite(self) -> Callable[..., ProbeSuite]:
        def make(*, epochs: int, every: int, extract: Callable[[], Features] = make_features) -> ProbeSuite:
            return ProbeSuite(
                extract=extract,
                project=lambda features: features,
                measure_health=lambda features: {"health/size": float(len(features.test))},
                make_generator=make_generator,
                epochs=epochs,
                every=every,
                knn_k=3,
                knn_temperature=0.1,
                few_shot_labels=2,
                few_shot_draws=3,
                linear=self.LINEAR,
            )

        return make

    @pytest.mark.parametrize(
        ("epochs", "every", "due"),
        [(6, 1, [1, 2, 3, 4, 5, 6]), (6, 2, [2, 4, 6]), (7, 3, [3, 6, 7]), (5, 0, [5]), (3, 10, [3]), (1, 0, [1])],
    )
    def test_schedule(self, make_suite: Callable[..., ProbeSuite], epochs: int, every: int, due: list[int]) -> None:
        suite = make_suite(epochs=epochs, every=every)
        found = {epoch: suite(epoch) for epoch in range(1, epochs + 1)}
        assert [epoch for epoch, judgement in found.items() if judgement != Judgement()] == due
        assert all(set(found[epoch].metrics) == {"knn/top1", "health/size"} for epoch in due[:-1])
        assert all(not found[epoch].right for epoch in due[:-1])
        assert set(found[epochs].metrics) == {"knn/top1", "probe/few_shot_top1", "probe/top1", "health/size"}
        assert set(found[epochs].right) == {"knn/top1", "probe/few_shot_top1", "probe/top1"}

    def test_features_are_extracted_only_when_a_probe_is_due(self, make_suite: Callable[..., ProbeSuite]) -> None:
        extracted: Iterator[int] = iter(range(100))

        def extract() -> Features:
            next(extracted)
            return make_features()

        suite = make_suite(epochs=6, every=3, extract=extract)
        for epoch in range(1, 7):
            suite(epoch)
        assert next(extracted) == 2

    def test_metrics_are_the_probes_own(self, make_suite: Callable[..., ProbeSuite]) -> None:
        features = make_features()
        assert make_suite(epochs=1, every=0)(1).metrics == {
            "knn/top1": knn_accuracy(features, k=3, temperature=0.1),
            "probe/few_shot_top1": few_shot_accuracy(features, num_labels=2, num_draws=3, generator=make_generator()),
            "probe/top1": percent_right(self.LINEAR(features, make_generator())),
            "health/size": len(features.test),
        }

    def test_the_mean_of_right_images_is_the_accuracy(self, make_suite: Callable[..., ProbeSuite]) -> None:
        found = make_suite(epochs=1, every=0)(1)
        for name, words in found.right.items():
            assert 100 * share_right(words).mean() == pytest.approx(found.metrics[name])
        assert unpack_right(found.right["probe/few_shot_top1"]).shape == (3, 30)

    def test_knn_compares_projections_if_asked_to(self, make_suite: Callable[..., ProbeSuite]) -> None:
        suite = replace(make_suite(epochs=1, every=0), project=lambda features: features[:, :1])
        features = make_features()
        projected = replace(features, train=features.train[:, :1], test=features.test[:, :1])
        assert suite(1).metrics["knn/top1"] == knn_accuracy(projected, k=3, temperature=0.1)
        assert suite(1).metrics["probe/top1"] == make_suite(epochs=1, every=0)(1).metrics["probe/top1"]

    def test_probes_repeat(self, make_suite: Callable[..., ProbeSuite]) -> None:
        suite = make_suite(epochs=1, every=0)
        assert suite(1) == suite(1)


def test_tensors_are_left_alone() -> None:
    features = make_features()
    before = make_features()
    knn_accuracy(features, k=3, temperature=0.1)
    few_shot_accuracy(features, num_labels=2, num_draws=2, generator=make_generator())
    tensors: tuple[tuple[Tensor, Tensor], ...] = ((features.train, before.train), (features.test, before.test))
    assert all(torch.equal(found, expected) for found, expected in tensors)
