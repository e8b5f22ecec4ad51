"""Training images without a label: the pretraining sees them, the probes do not."""

from dataclasses import replace

import numpy as np
import torch

from ftlab.assembly.trial_parts import make_method, make_probe, make_trainer
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.training.evaluation.probe import Features

CPU = torch.device("cpu")
CONFIG = TrialConfig.model_validate(
    {
        "model": {"feature_dim": 8, "bn_groups": 2},
        "method": {"queue_size": 16},
        "train": {"batch_size": 8, "epochs": 1},
        "probe": {"knn_k": 3, "few_shot_labels": 2, "few_shot_draws": 2, "linear_epochs": 1, "linear_batch_size": 8},
    }
)


def make_dataset() -> ImageDataset:
    """20 labelled training images of 4 classes, and 24 without a label."""
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), np.uint8)
    labels = np.arange(60) % 4
    return ImageDataset(
        "noise", "", tuple("abcd"), images[:44], labels[:20], images[44:], labels[44:], (0.5,), (0.25,), ()
    )


def features_of(dataset: ImageDataset) -> Features:
    encoder = make_method(CONFIG, 1, CPU).encoder
    return make_probe(CONFIG, dataset, encoder, ResidentImages(dataset.train_images, CPU), CPU).extract()


def test_probes_see_the_labelled_images_alone() -> None:
    dataset = make_dataset()
    found, expected = features_of(dataset), features_of(replace(dataset, train_images=dataset.train_images[:20]))
    assert len(found.train) == len(found.train_labels) == 20
    assert torch.equal(found.train, expected.train)
    assert torch.equal(found.test, expected.test)


def test_the_pretraining_sees_all() -> None:
    trainer = make_trainer(CONFIG, make_dataset(), CPU)
    assert trainer.batches.steps_per_epoch == 44 // 8
    [result] = trainer.epochs()
    assert {"knn/top1", "probe/few_shot_top1", "probe/top1"} <= set(result.metrics)
