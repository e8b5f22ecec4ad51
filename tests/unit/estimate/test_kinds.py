from typing import Any

import pytest

from ftlab.config.trial import TrialConfig
from ftlab.estimate.kinds import (
    checkpoint_kind,
    count_epochs,
    count_knn_probes,
    difference,
    epoch_kind,
    kinds_of_trial,
    probe_kind,
)

DATA = "d" * 32


def make_config(**sections: Any) -> TrialConfig:
    return TrialConfig(**{"train": {"epochs": 10}, **sections})


FT = make_config(transform={"positives": "extrapolate", "negatives": "interpolate", "start": 0.3, "stop": 0.8})


@pytest.mark.parametrize(
    "sections",
    [
        {"seed": 7},
        {"method": {"key_momentum": 0.5, "temperature": 0.2}},
        {"train": {"epochs": 3, "learning_rate": 1.0, "weight_decay": 0.1}},
        {"transform": {"positives": "interpolate", "negatives": "interpolate", "alpha_extrapolation": 0.2}},
        {"probe": {"every": 3}},
    ],
)
def test_what_costs_nothing_is_no_other_kind(sections: dict[str, Any]) -> None:
    config, plain = make_config(**sections), make_config()
    assert epoch_kind(config, DATA, transformed=False) == epoch_kind(plain, DATA, transformed=False)
    assert probe_kind(config, DATA) == probe_kind(plain, DATA)
    assert checkpoint_kind(config, DATA) == checkpoint_kind(plain, DATA)


@pytest.mark.parametrize(
    "sections",
    [
        {"method": {"queue_size": 2048}},
        {"model": {"backbone": "resnet18"}},
        {"train": {"batch_size": 64}},
        {"train": {"precision": "bfloat16"}},
        {"views": {"size": 16}},
    ],
)
def test_what_costs_time_is_another_kind(sections: dict[str, Any]) -> None:
    config = make_config(**sections)
    assert epoch_kind(config, DATA, transformed=False) != epoch_kind(make_config(), DATA, transformed=False)


def test_a_setting_without_effect_is_no_other_kind() -> None:
    cifar, imagenet = (make_config(model={"stem": stem}) for stem in ("cifar", "imagenet"))
    assert kinds_of_trial(cifar, DATA) == kinds_of_trial(imagenet, DATA)
    assert checkpoint_kind(cifar, DATA) == checkpoint_kind(imagenet, DATA)
    resnets = [make_config(model={"backbone": "resnet18", "stem": stem}) for stem in ("cifar", "imagenet")]
    assert checkpoint_kind(resnets[0], DATA) != checkpoint_kind(resnets[1], DATA)


def test_other_data_is_another_kind() -> None:
    assert epoch_kind(FT, DATA, transformed=False) != epoch_kind(FT, "e" * 32, transformed=False)


def test_ft_counts_only_where_it_is_at_work() -> None:
    never = make_config(transform={"positives": "extrapolate", "start": "never"})
    elements = make_config(transform={"positives": "extrapolate", "negatives": "interpolate", "granularity": "element"})
    assert epoch_kind(FT, DATA, transformed=False) == epoch_kind(never, DATA, transformed=False)
    assert epoch_kind(FT, DATA, transformed=True) != epoch_kind(elements, DATA, transformed=True)


@pytest.mark.parametrize(
    ("first", "last", "plain", "transformed"),
    [(0, 10, 5, 5), (0, 3, 3, 0), (3, 8, 0, 5), (5, 9, 1, 3), (8, 10, 2, 0), (4, 4, 0, 0)],
)
def test_epochs_are_counted_by_kind(first: int, last: int, plain: int, transformed: int) -> None:
    counts = count_epochs(FT, DATA, first, last)
    assert counts[epoch_kind(FT, DATA, transformed=False)] == plain
    assert counts[epoch_kind(FT, DATA, transformed=True)] == transformed
    assert all(counts.values())


@pytest.mark.parametrize(
    ("every", "first", "last", "number"),
    [
        (3, 0, 10, 3),
        (3, 3, 10, 2),
        (3, 0, 3, 1),
        (3, 3, 3, 0),
        (5, 0, 10, 1),
        (1, 0, 10, 9),
        (0, 0, 10, 0),
        (20, 0, 10, 0),
    ],
)
def test_knn_probes_before_the_end_are_counted(every: int, first: int, last: int, number: int) -> None:
    assert count_knn_probes(make_config(probe={"every": every}), first, last) == number


def test_the_kinds_of_a_trial_are_its_epochs_and_its_probe() -> None:
    assert len(kinds_of_trial(FT, DATA)) == 3
    assert len(kinds_of_trial(make_config(), DATA)) == 2


def test_difference_counts_settings() -> None:
    one, other = (
        epoch_kind(make_config(method={"queue_size": size}, train={"batch_size": batch}), DATA, transformed=False)
        for size, batch in ((1024, 128), (2048, 64))
    )
    assert difference(one, one) == 0
    assert difference(one, other) == difference(other, one) == 2
