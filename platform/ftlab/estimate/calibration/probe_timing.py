"""Calibrate the durations of a trial's probes from a part of their work."""

from dataclasses import replace

import numpy as np
import torch

from ftlab.assembly.probes import make_probe
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.decode_once import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.estimate.calibration.step_timing import Stopwatch
from ftlab.training.evaluation.features import CHUNK, Features
from ftlab.training.evaluation.health import MAX_IMAGES
from ftlab.training.evaluation.probe import ProbeSuite
from ftlab.training.trainer import Trainer

# The features of so many images are enough to scale the time up to all images.
MAX_TRAIN_IMAGES, MAX_TEST_IMAGES = 1024, 512


def time_probes(
    config: TrialConfig, dataset: ImageDataset, trainer: Trainer, device: torch.device, watch: Stopwatch
) -> tuple[float, float]:
    """Return the seconds of a kNN probe and of all probes at the end, scaled up from a part of the work.

    Args:
        config: The trial.
        dataset: Its images.
        trainer: Its trainer.
        device: Device of the training.
        watch: Stopwatch of the device.
    """
    part = _part(dataset)
    train = ResidentImages(part.train_images, device)
    suite = make_probe(config, part, trainer.method.encoder, train, device)
    scale = (len(dataset.train_labels) + len(dataset.test_labels)) / (len(part.train_labels) + len(part.test_labels))
    extract = scale * watch.seconds(suite.extract)
    extracted = suite.extract()
    features = _random_features(dataset, extracted.train.shape[1], device)
    health = _of_all(dataset, part) * watch.seconds(lambda: suite.measure_health(extracted))
    knn = extract + health + _knn_seconds(suite, features, watch)
    few_shot = watch.seconds(lambda: suite.few_shot(features))
    # Augmented, an epoch of the linear evaluation reads the images of the part; else features of all images.
    factor = _of_labels(dataset, part) if config.probe.linear == "paper" else 1.0
    linear = factor * _linear_seconds(suite, features, watch)
    return knn, knn + few_shot + linear + _of_labels(dataset, part) * _finetune_seconds(suite, extracted, watch)


def _of_all(dataset: ImageDataset, part: ImageDataset) -> float:
    """Return the number of images whose health is measured, relative to those of a part."""
    numbers = [min(len(images.test_labels), MAX_IMAGES) for images in (dataset, part)]
    return numbers[0] / numbers[1]


def _of_labels(dataset: ImageDataset, part: ImageDataset) -> float:
    """Return the number of labelled training images, relative to those of a part."""
    return len(dataset.train_labels) / len(part.train_labels)


def _part(dataset: ImageDataset) -> ImageDataset:
    train, test = (
        _spread(len(dataset.train_labels), MAX_TRAIN_IMAGES),
        _spread(len(dataset.test_labels), MAX_TEST_IMAGES),
    )
    return replace(
        dataset,
        train_images=dataset.train_images[train],
        train_labels=dataset.train_labels[train],
        test_images=dataset.test_images[test],
        test_labels=dataset.test_labels[test],
    )


def _spread(num_images: int, most: int) -> np.ndarray:
    return np.linspace(0, num_images - 1, min(num_images, most)).astype(np.int64)


def _random_features(dataset: ImageDataset, feature_dim: int, device: torch.device) -> Features:
    generator = torch.Generator(device).manual_seed(0)
    train, test = (
        torch.randn(len(labels), feature_dim, generator=generator, device=device)
        for labels in (dataset.train_labels, dataset.test_labels)
    )
    train_labels = torch.tensor(dataset.train_labels, device=device)
    return Features(train, train_labels, test, torch.tensor(dataset.test_labels, device=device), dataset.num_classes)


def _knn_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    chunk = replace(features, test=features.test[:CHUNK], test_labels=features.test_labels[:CHUNK])
    return watch.seconds(lambda: suite.knn(chunk)) * len(features.test) / len(chunk.test)


def _linear_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    def run(epochs: int) -> None:
        replace(suite.linear, epochs=epochs)(features, suite.make_generator())

    one, three = watch.seconds(lambda: run(1)), watch.seconds(lambda: run(3))
    return one + (suite.linear.epochs - 1) * max(0.0, three - one) / 2


def _finetune_seconds(suite: ProbeSuite, features: Features, watch: Stopwatch) -> float:
    if suite.finetune is None:
        return 0.0
    rates = suite.finetune.learning_rates
    one = replace(suite.finetune, learning_rates=rates[:1], epochs=1)
    seconds = watch.seconds(lambda: one(features, suite.make_generator()))
    # A network a rate, of the part that is not held out, and one of all labels.
    choices = len(rates) * (1.0 - suite.finetune.holdout) if len(rates) > 1 else 0.0
    return suite.finetune.epochs * (choices + 1.0) * seconds
