"""Build the objects that train a trial from its settings."""

from pkgutil import resolve_name
from typing import Any

import torch

from ftlab.assembly.batches import make_batches
from ftlab.assembly.lars import make_lars
from ftlab.assembly.probes import make_probe
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.mixing_section import MixingConfig
from ftlab.config.sections.transform_section import TransformConfig
from ftlab.config.trial import TrialConfig
from ftlab.contrast.hard_negatives import HardNegativeMixing
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.data.cache.decode_once import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.encoders.encoder import Encoder, MakeHead, make_encoder
from ftlab.errors import ConfigError
from ftlab.methods.batch_mixing import BatchMixing, InBatchKeys
from ftlab.methods.imix import IMix
from ftlab.methods.method import MethodParts, PretrainingMethod
from ftlab.methods.unmix import UnMix
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.training.evaluation.probe import no_probe
from ftlab.training.schedule import CosineSchedule
from ftlab.training.sgd import SGD
from ftlab.training.streams import make_generator, stream_seed
from ftlab.training.trainer import Optimizer, Trainer


def make_trainer(config: TrialConfig, dataset: ImageDataset, device: torch.device, ranks: Ranks = ALONE) -> Trainer:
    """Build the trainer of a trial at epoch 0, or one rank's share of it.

    Args:
        config: The trial.
        dataset: Its images; they must fit the config, see `ftlab.study.fingerprint.check_against_data`.
        device: Device of the training.
        ranks: The processes that train it; `ftlab.config.experiment.check_processes` says how many may. Rank 0 probes.
    """
    method = make_method(config, dataset.num_channels, device, ranks)
    train = ResidentImages(dataset.train_images, device)
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
    method = method.to(memory_format=layout)
    if config.train.compile:
        method.compile_encoders()
    return Trainer(
        method,
        make_optimizer(config, method),
        CosineSchedule(
            peak=config.train.learning_rate,
            epochs=config.train.epochs,
            floor=config.train.learning_rate_floor,
            warmup_epochs=config.train.warmup_epochs,
        ),
        make_batches(config, dataset, train, device, ranks, method),
        make_probe(config, dataset, method.encoder, train, device) if ranks.rank == 0 else no_probe,
        seed=config.seed,
        device=device,
    )


def make_method(
    config: TrialConfig, num_channels: int, device: torch.device, ranks: Ranks = ALONE
) -> PretrainingMethod[Any]:
    """Build the pretraining method with its feature transformation and seeded weights, on ``device``."""

    def make_seeded_encoder(make_head: MakeHead | None = None) -> Encoder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(config.seed, "weights"))
            return make_encoder(
                backbone=config.model.backbone,
                stem=config.model.stem,
                head=config.model.head,
                feature_dim=config.model.feature_dim,
                num_channels=num_channels,
                bn_groups=config.model.bn_groups,
                width=config.model.width,
                depth=config.model.depth,
                zero_init_residual=config.model.zero_init_residual,
                make_head=make_head,
            )

    parts = MethodParts(
        make_encoder=make_seeded_encoder,
        feature_dim=config.model.feature_dim,
        transform=make_transform(config.transform),
        transform_epochs=config.transform.epochs_on(config.train.epochs),
        precision=getattr(torch, config.train.precision),
        make_generator=lambda purpose: make_generator(config.seed, purpose),
        ranks=ranks,
        bn_groups=config.model.bn_groups,
        epochs=config.train.epochs,
        mixing=make_mixing(config.mixing, config.model.bn_groups, ranks),
    )
    return method_class(config.method).build(parts, config.method).to(device)


def method_class(section: MethodSection) -> type[PretrainingMethod[Any]]:
    """Return the class of a method.

    Raises:
        ConfigError: The section names no `PretrainingMethod`, or one that is not whole.
    """
    try:
        found = resolve_name(section.implementation)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"the method {section.name!r} must be importable, but is not: {error}") from error
    if not (isinstance(found, type) and issubclass(found, PretrainingMethod)):
        raise ConfigError(
            f"the method {section.name!r} must be a PretrainingMethod, but {section.implementation} is not."
        )
    if missing := sorted(found.__abstractmethods__):
        raise ConfigError(
            f"the method {section.name!r} must define build, step and detect_collapse, "
            f"but {section.implementation} has no {' and no '.join(missing)}."
        )
    return found


def make_transform(config: TransformConfig) -> FeatureTransform:
    """Build the feature transformation of a trial."""
    positives = negatives = hardest = None
    if config.positives != "none":
        positives = PositiveTransform(config.alpha_extrapolation, config.positive_range, config.granularity)
    if config.negatives == "mochi":
        hardest = HardNegativeMixing(config.hard_negatives, config.hard_mixtures, config.query_mixtures)
    elif config.negatives != "none":
        negatives = NegativeTransform(
            config.alpha_interpolation,
            config.lambda_interpolation,
            config.granularity,
            union=config.negatives == "interpolate_union",
        )
    return FeatureTransform(
        positives, negatives, config.query_for_negatives, config.renormalise, config.groups, hardest
    )


def make_mixing(config: MixingConfig, groups: int, ranks: Ranks) -> BatchMixing:
    """Build the mixing of a trial's batches, whose groups of batch normalisation the ranks share out."""
    if config.name == "unmix":
        return UnMix(config.alpha, config.global_probability, groups, ranks)
    if config.name == "imix":
        return IMix(config.alpha, random_layer=config.layers == "random", groups=groups, ranks=ranks)
    return InBatchKeys(groups, ranks) if config.name == "in_batch_keys" else BatchMixing(groups, ranks)


def make_optimizer(config: TrialConfig, method: PretrainingMethod[Any]) -> Optimizer:
    """Build the optimiser of the parameters that the method trains."""
    if config.train.optimizer == "lars":
        return make_lars(config.train, method.parameter_groups())
    groups = [
        {"params": group.parameters, **({} if group.decays else {"weight_decay": 0.0})}
        for group in method.parameter_groups()
    ]
    return SGD(
        groups,
        lr=config.train.learning_rate,
        momentum=config.train.sgd_momentum,
        weight_decay=config.train.weight_decay,
    )
