"""Fine-tuning against a loop-written oracle; it learns, repeats, and leaves the encoder alone."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, exp, pi

import pytest
import torch
from torch import Tensor, nn

from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.training.evaluation.features import Features
from ftlab.training.evaluation.finetune import FinetuneEvaluation

NUM_CLASSES, NUM_INPUTS, NUM_FEATURES = 3, 4, 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def features() -> Features:
    """Labels of 60 training and 30 test images; features are not used."""
    labels = torch.arange(90) % NUM_CLASSES
    nothing = torch.zeros(0, NUM_FEATURES)
    return Features(nothing, labels[:60], nothing, labels[60:], NUM_CLASSES)


@pytest.fixture
def images(features: Features) -> Tensor:
    """Noise, of which the label moves one input; training images first."""
    noise = torch.randn(90, NUM_INPUTS, generator=generator(1))
    noise[torch.arange(90), torch.cat([features.train_labels, features.test_labels])] += 2.0
    return noise


@pytest.fixture
def make_finetune(images: Tensor) -> Callable[..., FinetuneEvaluation]:
    def make(backbone: nn.Module | None = None, **settings: object) -> FinetuneEvaluation:
        def answer(network: nn.Module, rows: Tensor | None) -> Tensor:
            with torch.no_grad():
                return network.eval()(images[60:] if rows is None else images[rows]).argmax(dim=1)

        def begin_views() -> Callable[[Tensor], Tensor]:
            views = generator(2)
            return lambda rows: images[rows] + 0.1 * torch.randn(len(rows), NUM_INPUTS, generator=views)

        torch.manual_seed(3)
        chosen = {"learning_rates": (0.3,), "epochs": 4, "batch_size": 16, "holdout": 0.2, **settings}
        return FinetuneEvaluation(
            backbone=backbone or nn.Linear(NUM_INPUTS, NUM_FEATURES, bias=False),
            num_features=NUM_FEATURES,
            begin_views=begin_views,
            answer=answer,
            **chosen,
        )

    return make


def dot(first: list[float], second: list[float]) -> float:
    return sum(one * other for one, other in zip(first, second, strict=True))


def by_loops(finetune: FinetuneEvaluation, features: Features, rate: float, seed: int) -> list[list[float]]:
    """Return the logits of all test images, from the definition: no autograd, no optimiser, float64."""
    draws = generator(seed)
    rows = torch.randperm(60, generator=draws)
    first: list[list[float]] = finetune.backbone.weight.double().tolist()  # (F, inputs)
    second = [[0.0] * NUM_FEATURES for _ in range(NUM_CLASSES)]
    bias = [0.0] * NUM_CLASSES
    speed = [[[0.0] * len(row) for row in weights] for weights in (first, second, [bias])]
    views = finetune.begin_views()
    for epoch in range(finetune.epochs):
        step = rate * 0.5 * (1 + cos(pi * epoch / finetune.epochs))
        order = rows[torch.randperm(60, generator=draws)]
        for start in range(0, 60 - 60 % finetune.batch_size, finetune.batch_size):
            batch = order[start : start + finetune.batch_size]
            weights = [first, second, [bias]]
            slopes = [[[finetune.weight_decay * value for value in row] for row in part] for part in weights]
            labels = features.train_labels[batch].tolist()
            for inputs, label in zip(views(batch).double().tolist(), labels, strict=True):
                hidden = [dot(row, inputs) for row in first]
                logits = [dot(row, hidden) + bias[c] for c, row in enumerate(second)]
                total = sum(exp(logit) for logit in logits)
                for c in range(NUM_CLASSES):
                    error = (exp(logits[c]) / total - (c == label)) / len(batch)
                    slopes[2][0][c] += error
                    for f in range(NUM_FEATURES):
                        slopes[1][c][f] += error * hidden[f]
                        for i in range(NUM_INPUTS):
                            slopes[0][f][i] += error * second[c][f] * inputs[i]
            for part, slope, velocity in zip(weights, slopes, speed, strict=True):
                for r, row in enumerate(part):
                    for k in range(len(row)):
                        velocity[r][k] = finetune.sgd_momentum * velocity[r][k] + slope[r][k]
                        row[k] -= step * velocity[r][k]
    return [first, second, [bias]]


def test_the_network_is_that_of_the_definition(
    make_finetune: Callable[..., FinetuneEvaluation], features: Features
) -> None:
    trained: list[nn.Module] = []
    finetune = make_finetune(weight_decay=0.01)

    def answer(network: nn.Module, rows: Tensor | None) -> Tensor:
        trained.append(network)
        return finetune.answer(network, rows)

    replace(finetune, answer=answer)(features, generator(5))
    [network] = trained
    expected = by_loops(finetune, features, 0.3, 5)
    for parameter, values in zip(network.parameters(), expected, strict=True):
        assert parameter.double().flatten().tolist() == pytest.approx(
            [value for row in values for value in row], abs=1e-6
        )


def test_it_learns(make_finetune: Callable[..., FinetuneEvaluation], features: Features) -> None:
    few, many = (make_finetune(epochs=epochs)(features, generator()) for epochs in (1, 30))
    assert many.shape == (1, 30)
    assert many.float().mean() > max(0.7, few.float().mean())


def test_it_repeats_bit_for_bit_and_leaves_the_encoder_alone(
    make_finetune: Callable[..., FinetuneEvaluation], features: Features
) -> None:
    finetune = make_finetune(learning_rates=(0.01, 0.3))
    before = finetune.backbone.weight.clone()
    networks: list[nn.Module] = []

    def answer(network: nn.Module, rows: Tensor | None) -> Tensor:
        networks.append(network)
        return finetune.answer(network, rows)

    noted = replace(finetune, answer=answer)
    first, again = (noted(features, generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert len(networks) == 6
    for one, other in zip(networks[:3], networks[3:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(finetune.backbone.weight, before)
    assert finetune.backbone.weight.grad is None


def test_the_rate_is_chosen_on_held_out_training_images_and_the_lowest_wins_a_tie(
    make_finetune: Callable[..., FinetuneEvaluation], features: Features
) -> None:
    asked: list[int | None] = []

    def answer(network: nn.Module, rows: Tensor | None) -> Tensor:
        asked.append(None if rows is None else len(rows))
        right = features.test_labels if rows is None else features.train_labels[rows]
        # As good at every rate but the lowest.
        return right if len(asked) > 1 else (right + 1) % NUM_CLASSES

    finetune = replace(make_finetune(learning_rates=(0.1, 0.01, 1.0)), answer=answer)
    chosen: list[float] = []
    train = FinetuneEvaluation._train

    def noted(self: FinetuneEvaluation, *inputs: object) -> None:
        chosen.append(inputs[3])  # type: ignore[arg-type]
        train(self, *inputs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FinetuneEvaluation, "_train", noted)
        finetune(features, generator())
    assert asked == [12, 12, 12, None]
    assert chosen == [0.01, 0.1, 1.0, 0.1]


def test_groups_of_batch_normalisation_become_one_in_the_copy_alone(
    make_finetune: Callable[..., FinetuneEvaluation], features: Features
) -> None:
    norm = GroupedBatchNorm(NUM_FEATURES, 4)
    backbone = nn.Sequential(nn.Linear(NUM_INPUTS, NUM_FEATURES), norm)
    # 15 images a step are no multiple of four groups.
    finetune = make_finetune(backbone, batch_size=15)
    assert finetune(features, generator()).shape == (1, 30)
    assert norm.running_mean.shape == (4, NUM_FEATURES)
    assert torch.equal(norm.running_mean, torch.zeros(4, NUM_FEATURES))


def test_merged_groups_evaluate_as_before() -> None:
    norm, images = GroupedBatchNorm(3, 2), torch.randn(8, 3, generator=generator())
    norm.train()(images)
    expected = norm.eval()(images)
    norm.merge_groups()
    torch.testing.assert_close(norm(images), expected)
    assert norm.train()(images[:5]).shape == (5, 3)


def test_fewer_images_than_a_batch_make_one(
    make_finetune: Callable[..., FinetuneEvaluation], features: Features
) -> None:
    assert make_finetune(batch_size=1000, epochs=40)(features, generator()).float().mean() > 0.5
