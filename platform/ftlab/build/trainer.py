"""From a trial's settings to the objects that train it."""

import os
from collections.abc import Callable

import torch
from torch import Tensor

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.trial import TransformConfig, TrialConfig
from ftlab.data.cache import ImageDataset
from ftlab.data.residency import ResidentImages
from ftlab.data.views import RECIPES, make_views, normalise, sample_parameters
from ftlab.errors import ConfigError
from ftlab.method.queue import NegativeQueue
from ftlab.method.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.models.encoder import Encoder, make_encoder
from ftlab.models.moco import MoCo
from ftlab.training.linear import LinearEvaluation
from ftlab.training.probe import Features, ProbeSuite, extract_features
from ftlab.training.schedule import CosineSchedule
from ftlab.training.streams import make_generator, stream_seed
from ftlab.training.trainer import Batches, Trainer


def make_device(name: str) -> torch.device:
    """Return the device of a setting; ``auto`` is CUDA where there is one.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("resources.device must be there, but got 'cuda' without a CUDA device; nearest valid: 'cpu'.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def pin_threads(resources: ResourcesConfig) -> None:
    """Give torch as many threads as the trial has cores: their number decides the last bits of a result."""
    os.environ["OMP_NUM_THREADS"] = str(resources.cpus_per_trial)
    torch.set_num_threads(resources.cpus_per_trial)


def make_trainer(config: TrialConfig, dataset: ImageDataset, device: torch.device) -> Trainer:
    """Build the trainer of a trial at epoch 0.

    Args:
        config: The trial.
        dataset: Its images; they must fit the config, see `ftlab.tuning.spec.check_against_data`.
        device: Device of the training.
    """
    method = make_method(config, dataset.num_channels, device)
    train, test = ResidentImages(dataset.train_images, device), ResidentImages(dataset.test_images, device)
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
    method = method.to(memory_format=layout)
    if config.train.compile:
        method.compile_encoders()
    return Trainer(
        method,
        make_optimizer(config, method.query_encoder),
        CosineSchedule(
            peak=config.train.learning_rate,
            epochs=config.train.epochs,
            floor=config.train.learning_rate_floor,
            warmup_epochs=config.train.warmup_epochs,
        ),
        make_batches(config, dataset, train, device),
        make_probe(config, dataset, method.query_encoder, train, test, device),
        seed=config.seed,
        device=device,
    )


def make_method(config: TrialConfig, num_channels: int, device: torch.device) -> MoCo:
    """Build MoCo with its feature transformation and seeded weights, on ``device``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(config.seed, "weights"))
        encoder = make_encoder(
            backbone=config.model.backbone,
            stem=config.model.stem,
            head=config.model.head,
            feature_dim=config.model.feature_dim,
            num_channels=num_channels,
            bn_groups=config.model.bn_groups,
        )
    queue_generator = make_generator(config.seed, "queue")
    queue = NegativeQueue(config.method.queue_size, config.model.feature_dim, generator=queue_generator)
    return MoCo(
        encoder,
        queue,
        key_momentum=config.method.key_momentum,
        temperature=config.method.temperature,
        transform=make_transform(config.transform),
        transform_epochs=config.transform.epochs_on(config.train.epochs),
        precision=getattr(torch, config.train.precision),
    ).to(device)


def make_transform(config: TransformConfig) -> FeatureTransform:
    """Build the feature transformation of a trial."""
    positives = negatives = None
    if config.positives != "none":
        positives = PositiveTransform(config.alpha_extrapolation, config.positive_range, config.granularity)
    if config.negatives != "none":
        negatives = NegativeTransform(
            config.alpha_interpolation,
            config.lambda_interpolation,
            config.granularity,
            union=config.negatives == "interpolate_union",
        )
    return FeatureTransform(positives, negatives, config.query_for_negatives, config.renormalise)


def make_optimizer(config: TrialConfig, encoder: Encoder) -> torch.optim.Optimizer:
    """Build SGD over the query encoder's parameters."""
    return torch.optim.SGD(
        encoder.parameters(),
        lr=config.train.learning_rate,
        momentum=config.train.sgd_momentum,
        weight_decay=config.train.weight_decay,
        fused=True,
    )


def make_batches(config: TrialConfig, dataset: ImageDataset, train: ResidentImages, device: torch.device) -> Batches:
    """Build the source of two views a training image."""
    recipe = RECIPES[config.views.recipe]
    size, batch_size = config.view_size, config.train.batch_size
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format

    def draw_views(order: Tensor, generator: torch.Generator) -> Callable[[slice], Tensor]:
        parameters = sample_parameters(recipe, 2 * len(order), generator=generator, num_channels=dataset.num_channels)

        def views(rows: slice) -> Tensor:
            images = train.gather(order[rows])
            both = make_views(
                images.repeat(2, 1, 1, 1),
                parameters[slice(2 * rows.start, 2 * rows.stop)],
                size=size,
                mean=dataset.channel_mean,
                std=dataset.channel_std,
            )
            return both.contiguous(memory_format=layout)

        return views

    return Batches(len(train), batch_size, draw_views, seed=config.seed, device=device)


def make_probe(
    config: TrialConfig,
    dataset: ImageDataset,
    encoder: Encoder,
    train: ResidentImages,
    test: ResidentImages,
    device: torch.device,
) -> ProbeSuite:
    """Build the probes of the query encoder."""
    train_labels = torch.tensor(dataset.train_labels, device=device)
    test_labels = torch.tensor(dataset.test_labels, device=device)

    size = min(config.view_size, dataset.image_size)
    margin = (dataset.image_size - size) // 2  # a centre crop, as wide as a view

    def features_of(images: ResidentImages) -> Tensor:
        def load(rows: slice) -> Tensor:
            batch = images.gather(torch.arange(rows.start, rows.stop))
            batch = batch[:, :, margin : margin + size, margin : margin + size]
            return normalise(batch, dataset.channel_mean, dataset.channel_std)

        return extract_features(encoder.backbone, len(images), load)

    def extract() -> Features:
        return Features(features_of(train), train_labels, features_of(test), test_labels, dataset.num_classes)

    return ProbeSuite(
        extract=extract,
        make_generator=lambda: make_generator(config.seed, "probe"),
        epochs=config.train.epochs,
        every=config.probe.every,
        knn_k=config.probe.knn_k,
        knn_temperature=config.probe.knn_temperature,
        few_shot_labels=config.probe.few_shot_labels,
        few_shot_draws=config.probe.few_shot_draws,
        linear=LinearEvaluation(
            learning_rates=config.probe.linear_learning_rates,
            epochs=config.probe.linear_epochs,
            batch_size=config.probe.linear_batch_size,
            holdout=config.probe.linear_holdout,
        ),
    )
