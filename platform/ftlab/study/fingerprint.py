"""The fingerprint of a study's data, and a check that every trial fits the data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.decode_once import ImageDataset
from ftlab.errors import ConfigError, DataError
from ftlab.training.evaluation.long_tail import ClassSizes

LARGE_CACHE = 2e9


@dataclass(frozen=True)
class CheckedData:
    """The data of a study, which its trials fit.

    Attributes:
        fingerprint: Digest of the content.
        notes: Lines that say how large it is, and which files of its folder are not part of it.
    """

    fingerprint: str
    notes: tuple[str, ...] = ()


def fingerprint_data(data: DataConfig, configs: Iterable[TrialConfig], home: Home) -> str:
    """Return the digest of the data's content; see `check_data`."""
    return check_data(data, configs, home).fingerprint


def check_data(data: DataConfig, configs: Iterable[TrialConfig], home: Home) -> CheckedData:
    """Check that trials fit their data; decodes the data set the first time.

    Args:
        data: The data settings, which all trials share.
        configs: Trials that the data must fit.
        home: Home of the image cache.

    Raises:
        DataError: The images are missing or unfit, or fewer than two classes have labelled training images.
        ConfigError: Settings of a trial do not fit the number of images.
    """
    dataset = load_images(data, home)
    class_sizes = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
    _check_classes(dataset, class_sizes.tolist())
    smallest_class = int(class_sizes.min())
    for config in configs:
        check_against_data(config, len(dataset.train_images), dataset.num_labelled, smallest_class)
        if config.probe.long_tail:
            _check_long_tail(config, dataset.name, class_sizes.tolist())
    return CheckedData(dataset.fingerprint, _notes(data, dataset))


def _check_classes(dataset: ImageDataset, class_sizes: Sequence[int]) -> None:
    if len(class_sizes) < 2:
        raise DataError(
            "A data set needs at least two classes, as any probe is right about a single one, but "
            f"{dataset.name} has {len(class_sizes)}: {', '.join(dataset.class_names) or 'none'}. Add another class."
        )
    if 0 in class_sizes:
        name = dataset.class_names[class_sizes.index(0)]
        raise DataError(f"Each class needs a labelled training image, but {name!r} of {dataset.name} has none.")


def _notes(data: DataConfig, dataset: ImageDataset) -> tuple[str, ...]:
    skipped = dataset.skipped[0] if dataset.skipped else ""
    notes = (
        f"data: the decoded images take {dataset.nbytes / 1e9:.1f} GB in the cache"
        if dataset.nbytes > LARGE_CACHE
        else "",
        f"data: {dataset.skipped_of_all} images cannot be read and are left out, as data.corrupt_images="
        f"{data.corrupt_images} says; the first: {skipped}"
        if skipped
        else "",
        f"data: files that are no images are left out of {data.root}: {dataset.left_out}" if dataset.left_out else "",
    )
    return tuple(note for note in notes if note)


def check_against_data(config: TrialConfig, num_images: int, num_labelled: int, smallest_class: int) -> None:
    """Check a trial against the size of its data set, before any compute.

    Args:
        config: The trial.
        num_images: Number of training images.
        num_labelled: Number of training images with a label.
        smallest_class: Number of labelled training images in the smallest class.

    Raises:
        ConfigError: The batch, the neighbours or the few-shot labels outnumber the images.
    """
    batch, probes = _nearest_batch(num_images, config.model.bn_groups), config.probe.evaluations()
    limits = [
        ("train.batch_size", config.train.batch_size, num_images, "the number of training images", batch),
        ("probe.knn_k", config.probe.knn_k, num_labelled, "the number of labelled training images", ""),
        ("probe.few_shot_labels", config.probe.few_shot_labels, smallest_class, "the smallest class's images", ""),
    ]
    for name, value, limit, meaning, nearest in limits:
        is_taken = any(name.removeprefix("probe.") in settings for settings in ({"train.batch_size"}, *probes.values()))
        if is_taken and value > limit:
            raise ConfigError(f"{name} must be at most {meaning}, but got {value}; nearest valid: {nearest or limit}.")
    _check_held_out(config, num_labelled)


def _check_held_out(config: TrialConfig, num_labelled: int) -> None:
    probe = config.probe
    # Batch normalisation of one image alone has no deviation.
    if probe.finetune and num_labelled - max(1, int(probe.finetune_holdout * num_labelled)) < 2:
        raise ConfigError(
            "probe.finetune_holdout must leave two labelled training images, but got "
            f"{probe.finetune_holdout:g} of {num_labelled}; nearest valid: {1 - 2 / num_labelled:.2g}."
        )


def _check_long_tail(config: TrialConfig, name: str, class_sizes: Sequence[int]) -> None:
    many, few = config.probe.long_tail_many, config.probe.long_tail_few
    groups = ClassSizes(many, few).groups(class_sizes)
    present = [group for group, labels in groups.items() if labels]
    if len(present) < 2:
        raise ConfigError(
            f"probe.long_tail needs classes of different sizes, of more than {many} training images, of fewer than "
            f"{few} or between, but all of {name} have {min(class_sizes)} to {max(class_sizes)}; nearest valid: "
            "data.imbalance, or other probe.long_tail_many and probe.long_tail_few."
        )


def _nearest_batch(num_images: int, groups: int) -> str:
    """Return the largest batch of whole groups that the images fill, with fewer groups if they are too few."""
    if num_images < 2:
        return "none, add training images"
    fitting = next(number for number in range(groups, 0, -1) if groups % number == 0 and num_images // number >= 2)
    largest = f"{num_images - num_images % fitting}"
    if fitting != groups:
        return f"{largest} with model.bn_groups={fitting}"
    return f"{largest}, as model.bn_groups={groups} does not divide {num_images}" if num_images % groups else largest
