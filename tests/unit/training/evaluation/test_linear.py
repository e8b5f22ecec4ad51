from math import cos, pi

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.training.evaluation.features import Features, percent_right
from ftlab.training.evaluation.linear import LinearEvaluation, _with_ones

Split = tuple[Tensor, Tensor]


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def separable(num_images: int, seed: int, num_classes: int = 4) -> Split:
    """Classes on the axes, apart by ten deviations."""
    labels = torch.arange(num_images) % num_classes
    noise = torch.randn(num_images, num_classes, generator=make_generator(seed))
    return torch.eye(num_classes)[labels] + 0.1 * noise, labels


def skewed(num_images: int, seed: int) -> Split:
    """Two classes apart in the first dimension, with ten times as much noise in the second."""
    generator = make_generator(seed)
    labels = torch.randint(0, 2, (num_images,), generator=generator)
    noise = torch.randn(num_images, 2, generator=generator) * torch.tensor([0.5, 10.0])
    return noise + torch.tensor([1.0, 0.0]) * (2 * labels - 1)[:, None], labels


def evaluate(
    train: Split, test: Split, rates: tuple[float, ...], *, epochs: int = 10, num_classes: int = 2, seed: int = 0
) -> float:
    evaluation = LinearEvaluation(learning_rates=rates, epochs=epochs, batch_size=32, holdout=0.2)
    return percent_right(evaluation(Features(*train, *test, num_classes), make_generator(seed)))


def test_separable_classes_are_separated() -> None:
    found = evaluate(separable(400, 0), separable(200, 1), (0.1, 1.0, 10.0, 30.0), num_classes=4)
    assert found == 100.0


def test_a_shift_needs_the_bias() -> None:
    labels = torch.arange(400) % 2
    features = 5.0 + labels[:, None] + 0.05 * torch.randn(400, 1, generator=make_generator())
    assert evaluate((features, labels), (features, labels), (0.1,), epochs=100) > 99.0


def test_noise_is_at_chance() -> None:
    generator = make_generator()
    train, test = torch.randn(400, 5, generator=generator), torch.randn(2000, 5, generator=generator)
    labels = torch.arange(2000) % 4
    found = evaluate((train, labels[:400]), (test, labels), (0.1, 1.0), num_classes=4)
    assert found == pytest.approx(25.0, abs=5.0)


def test_draws_follow_the_generator() -> None:
    train, test = skewed(200, 0), skewed(500, 1)
    found = [evaluate(train, test, (0.1, 1.0), epochs=2, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


class TestTheChoiceOfTheLearningRate:
    """On skewed classes a small rate follows the noise for long before it finds the boundary."""

    RATES = (1e-4, 1.0)

    @pytest.fixture
    def train(self) -> Split:
        return skewed(400, 0)

    @pytest.fixture
    def test(self) -> Split:
        return skewed(1000, 1)

    def test_the_best_on_held_out_data_is_chosen(self, train: Split, test: Split) -> None:
        small, large = (evaluate(train, test, (rate,)) for rate in self.RATES)
        assert small < 70.0
        assert large > 90.0
        assert evaluate(train, test, self.RATES) == pytest.approx(large, abs=1.0)  # another order of batches

    def test_the_order_of_the_rates_decides_nothing(self, train: Split, test: Split) -> None:
        assert evaluate(train, test, self.RATES) == evaluate(train, test, self.RATES[::-1])

    def test_test_labels_do_not_decide(self, train: Split, test: Split) -> None:
        features, labels = test
        found = evaluate(train, test, self.RATES)
        # Were the rate chosen by test labels, the worse one would win on exchanged labels.
        assert evaluate(train, (features, 1 - labels), self.RATES) == pytest.approx(100.0 - found)
        predicted = sum(evaluate(train, (features, torch.full_like(labels, label)), self.RATES) for label in (0, 1))
        assert predicted == pytest.approx(100.0)

    def test_test_features_do_not_decide(self, train: Split, test: Split) -> None:
        halves = [(test[0][rows], test[1][rows]) for rows in (slice(0, 500), slice(500, 1000))]
        apart = [evaluate(train, half, self.RATES) for half in halves]
        assert sum(apart) / 2 == pytest.approx(evaluate(train, test, self.RATES))

    def test_all_images_train_once_the_rate_is_chosen(self, train: Split, test: Split) -> None:
        generator = make_generator()
        features = Features(*train, *test, 2)
        evaluation = LinearEvaluation(self.RATES, epochs=10, batch_size=32, holdout=0.2)
        rate = evaluation._choose(_with_ones(train[0]), F.one_hot(train[1], 2), train[1], generator)
        assert rate == 1.0
        found = LinearEvaluation((rate,), epochs=10, batch_size=32, holdout=0.2)(features, generator)
        assert torch.equal(evaluation(features, make_generator()), found)

    def test_held_out_images_train_nothing_before_the_choice(self, train: Split) -> None:
        features, labels = train
        held_out = torch.randperm(len(features), generator=make_generator())[:80]
        inverted = labels.clone()
        inverted[held_out] = 1 - inverted[held_out]
        evaluation = LinearEvaluation(self.RATES, epochs=10, batch_size=32, holdout=0.2)
        choices = [
            evaluation._choose(_with_ones(features), F.one_hot(found, 2), found, make_generator())
            for found in (labels, inverted)
        ]
        # Trained on the same and judged by inverted labels, the worse rate is right more often.
        assert choices == [1.0, 1e-4]

    def test_the_lowest_rate_wins_a_tie(self) -> None:
        features, labels = separable(100, 0, 2)
        evaluation = LinearEvaluation((30.0, 0.1), epochs=10, batch_size=32, holdout=0.2)
        assert evaluation._choose(_with_ones(features), F.one_hot(labels, 2), labels, make_generator()) == 0.1


@pytest.mark.parametrize("num_images", [64, 50])  # with and without a ragged last batch
def test_training_agrees_with_autograd(num_images: int) -> None:
    rates, epochs, batch_size, num_classes = (0.0625, 0.5), 3, 16, 3  # rates that float32 holds exactly
    generator = make_generator(3)
    features = torch.randn(num_images, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, num_classes, (num_images,), generator=generator)
    evaluation = LinearEvaluation(rates, epochs, batch_size, holdout=0.1)
    targets = F.one_hot(labels, num_classes)
    weights = evaluation._fit(_with_ones(features), targets, list(rates), make_generator(4))
    assert weights.shape == (2, 6, num_classes)

    for position, rate in enumerate(rates):
        orders = make_generator(4)
        linear = torch.nn.Linear(5, num_classes, dtype=torch.float64)
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        optimizer = torch.optim.SGD(linear.parameters(), lr=rate, momentum=0.9)
        for epoch in range(epochs):
            optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + cos(pi * epoch / epochs))
            for rows in torch.randperm(num_images, generator=orders).split(batch_size):
                optimizer.zero_grad()
                F.cross_entropy(linear(features[rows]), labels[rows]).backward()
                optimizer.step()
        torch.testing.assert_close(weights[position, :-1], linear.weight.T.detach(), rtol=0, atol=1e-12)
        torch.testing.assert_close(weights[position, -1], linear.bias.detach(), rtol=0, atol=1e-12)
