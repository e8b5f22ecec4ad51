from collections.abc import Callable
from typing import Any

import pytest

from ftlab.config.experiment import ExperimentConfig, ProfileConfig, ResourcesConfig
from ftlab.errors import ConfigError
from ftlab.study.identity import cell_key
from ftlab.study.spec import (
    StudySpec,
    axis_values,
    expand_trials,
    load_study,
    make_trial,
    resolve_study,
    single_trial_study,
)

MakeStudy = Callable[..., StudySpec]

FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}

# Cells that different experiments share at the digits profile: their trials are trained once.
SHARED_CELLS = [
    [
        ("momentum", "key_momentum=0.99"),
        ("ft_start", "start=never"),
        ("components", "none"),
        ("queue", "K"),
        ("lambda_ex", "none"),
        ("lambda_in", "none"),
    ],
    [("components", "both"), ("ft_start", "start=0.3")],
    [("components", "positives"), ("lambda_ex", "positives=extrapolate alpha_extrapolation=2.0 granularity=batch")],
    [
        ("components", "positives_per_element"),
        ("lambda_ex", "positives=extrapolate alpha_extrapolation=2.0 granularity=element"),
    ],
    [
        ("components", "negatives"),
        ("lambda_in", "alpha_interpolation=1.6 granularity=batch"),
        ("queue", "FT"),
    ],
    [
        ("components", "negatives_per_element"),
        ("lambda_in", "alpha_interpolation=1.6 granularity=element"),
    ],
]


def cell_names(study: StudySpec) -> list[str]:
    return [cell.name for cell in study.cells]


def test_cells_come_before_the_grid_in_the_order_of_the_file(make_study: MakeStudy) -> None:
    study = make_study(
        cells=[{"name": "none"}, {"name": "cold", "set": {"method.temperature": 0.05}}],
        grid={"method.key_momentum": [0.9, 0.5], "train.epochs": [2, 3]},
    )
    assert cell_names(study) == [
        "none",
        "cold",
        "key_momentum=0.9 epochs=2",
        "key_momentum=0.9 epochs=3",
        "key_momentum=0.5 epochs=2",
        "key_momentum=0.5 epochs=3",
    ]
    assert study.axes == ("method.temperature", "method.key_momentum", "train.epochs")
    assert [cell.config.train.epochs for cell in study.cells] == [2, 2, 2, 3, 2, 3]


def test_an_axis_is_shown_where_it_has_an_effect(make_study: MakeStudy) -> None:
    study = make_study(
        cells=[{"name": "none"}, {"name": "wide", "set": {**FT, "transform.lambda_extrapolation": [1, 3]}}],
        grid={"transform.positives": ["interpolate"], "transform.alpha_extrapolation": [0.2]},
    )
    shown = {cell.name: axis_values(study, cell) for cell in study.cells}
    assert shown["none"] == {
        "transform.positives": "none",
        "transform.negatives": "none",
        "transform.lambda_extrapolation": None,
        "transform.alpha_extrapolation": None,
    }
    assert shown["wide"]["transform.lambda_extrapolation"] == [1.0, 3.0]
    assert shown["wide"]["transform.alpha_extrapolation"] == 2.0
    assert shown["positives=interpolate alpha_extrapolation=0.2"] == {
        "transform.positives": "interpolate",
        "transform.negatives": "none",
        "transform.lambda_extrapolation": [0.0, 1.0],
        "transform.alpha_extrapolation": 0.2,
    }


def test_a_start_is_shown_as_the_fraction_it_was_set_to(make_study: MakeStudy) -> None:
    study = make_study(overrides=FT, grid={"transform.start": [0.0, 0.5, "never"]})
    assert [axis_values(study, cell)["transform.start"] for cell in study.cells] == [0.0, 0.5, "never"]


def test_a_stop_is_shown_where_ft_is_mixed(make_study: MakeStudy) -> None:
    study = make_study(cells=[{"name": "none"}, {"name": "half", "set": {**FT, "transform.stop": 0.5}}])
    assert [axis_values(study, cell)["transform.stop"] for cell in study.cells] == [None, 0.5]


def test_seeds_count_from_zero(profile: ProfileConfig) -> None:
    experiment = ExperimentConfig(question="?", seeds=2, grid={"method.key_momentum": [0.9]})
    assert resolve_study("exp", experiment, "tiny", profile).seeds == (0, 1)
    assert resolve_study("exp", experiment, "tiny", profile, 4).seeds == (0, 1, 2, 3)
    with pytest.raises(ConfigError, match=r"the number of seeds must be at least 1 and at most 10,000, but got 0"):
        resolve_study("exp", experiment, "tiny", profile, 0)


def test_trials_come_seed_by_seed(make_study: MakeStudy) -> None:
    trials = expand_trials(make_study(grid={"method.key_momentum": [0.9, 0.5]}, seeds=2), "data")
    assert [trial.name for trial in trials] == [
        "key_momentum=0.9 seed 0",
        "key_momentum=0.5 seed 0",
        "key_momentum=0.9 seed 1",
        "key_momentum=0.5 seed 1",
    ]
    assert len({trial.key for trial in trials}) == 4
    assert len({trial.cell_key for trial in trials}) == 2


def test_a_trial_of_any_seed_has_the_keys_of_the_study(make_study: MakeStudy) -> None:
    study = make_study(grid={"method.key_momentum": [0.9]}, seeds=3)
    assert make_trial(study.cells[0], 2, "data") == expand_trials(study, "data")[2]


def test_cells_that_cannot_differ_share_their_trials(make_study: MakeStudy) -> None:
    # Of two epochs, 0.2 and 0.5 both leave out the first.
    study = make_study(overrides=FT, grid={"transform.start": [0.0, 0.2, 0.5]}, seeds=2)
    assert [trial.name for trial in expand_trials(study, "data")] == [
        "start=0.0 seed 0",
        "start=0.2 seed 0",
        "start=0.0 seed 1",
        "start=0.2 seed 1",
    ]


def test_more_seeds_keep_the_trials_there_are(profile: ProfileConfig) -> None:
    experiment = ExperimentConfig(question="?", grid={"method.key_momentum": [0.9, 0.5]})
    few, many = (
        {trial.key for trial in expand_trials(resolve_study("exp", experiment, "tiny", profile, seeds), "data")}
        for seeds in (3, 5)
    )
    assert few < many
    assert len(many - few) == 4


@pytest.mark.parametrize("cells", SHARED_CELLS, ids=lambda cells: cells[0][1])
def test_experiments_share_cells(cells: list[tuple[str, str]]) -> None:
    keys = set()
    for experiment, name in cells:
        found = {cell.name: cell for cell in load_study(experiment, "digits").cells}
        keys.add(cell_key(found[name].config, "data"))
    assert len(keys) == 1


def test_overrides_win_over_experiment_and_profile(make_study: MakeStudy) -> None:
    grid = {"method.key_momentum": [0.5]}
    assert make_study(grid=grid).cells[0].config.train.batch_size == 128
    assert make_study(grid=grid, overrides={"train.batch_size": 64}).cells[0].config.train.batch_size == 64


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"grid": {"method.key_momentum": [0.9]}, "overrides": {"method.key_momentum": 0.5}},
            r"an override must not be an axis of the experiment, but got 'method.key_momentum'; edit the axis",
        ),
        ({"cells": [{"name": "a"}], "overrides": {"seed": 1}}, r"an override of 'seed'; use SEEDS=n"),
        ({"grid": {"seed": [0, 1]}}, r"exp: seed cannot be an axis, but cell 'seed=0' sets it; use seeds: n"),
        (
            {"grid": {"data.image_size": [8, 16]}},
            r"cells share their data, but cell 'image_size=8' sets it; use a profile",
        ),
        (
            {"grid": {"method.momentum": [0.9]}},
            r"a setting must be known, but got 'method.momentum'. Did you mean 'method.key_momentum'\?",
        ),
        (
            {"cells": [{"name": "a"}], "overrides": {"train.epoch": 1}},
            r"a setting must be known, but got 'train.epoch'. Did you mean 'train.epochs'\?",
        ),
        (
            {"cells": [{"name": "a", "set": {"transform.alpha_extrapolation": 1.0}}]},
            r"a setting must have an effect, but 'transform.alpha_extrapolation' has none in cell 'a'; remove it",
        ),
        (
            {"cells": [{"name": "a"}], "overrides": {"transform.granularity": "element"}},
            r"a setting must have an effect, but 'transform.granularity' has none in any cell",
        ),
        (
            {"cells": [{"name": "a"}], "overrides": {"model.stem": "cifar"}},
            r"a setting must have an effect, but 'model.stem' has none in any cell",
        ),
        (
            {"cells": [{"name": "a"}], "overrides": {"data.download": True}},
            r"a setting must have an effect, but 'data.download' has none in any cell",
        ),
        ({"cells": [{"name": "a"}, {"name": "a"}]}, r"exp: cells must have different names, but got 'a' twice"),
        (
            {"grid": {"train.epochs": ["1x", "1.0x"]}},
            r"exp: rows of a grid must differ, but 'epochs=1x' and 'epochs=1.0x'",
        ),
        (
            {"grid": {"train.epochs": [2, 3]}, "baseline": "epoch=2"},
            r"exp: baseline must name a cell, but got 'epoch=2'. Did you mean 'epochs=2'\?",
        ),
        (
            {"cells": [{"name": "a"}], "metric": "probe/top5"},
            r"the metric of a table must be a probe, but got 'probe/top5'. Did you mean 'probe/top1'\?",
        ),
        ({"grid": {"train.epochs": [2, 0]}}, r"train.epochs: .* greater than or equal to 1, but got 0"),
    ],
)
def test_a_wrong_experiment_is_refused(fields: dict[str, Any], message: str, make_study: MakeStudy) -> None:
    with pytest.raises(ConfigError, match=message):
        make_study(**fields)


def test_a_seed_among_the_settings_of_an_experiment_is_refused(profile: ProfileConfig) -> None:
    experiment = ExperimentConfig(question="?", overrides={"seed": 3}, grid={"train.epochs": [2]})
    with pytest.raises(ConfigError, match=r"seeds are chosen by their number"):
        resolve_study("exp", experiment, "tiny", profile)


def test_an_override_needs_an_effect_in_one_cell_only(make_study: MakeStudy) -> None:
    study = make_study(
        cells=[{"name": "none"}, {"name": "ft", "set": FT}], overrides={"transform.alpha_extrapolation": 0.2}
    )
    assert study.cells[1].config.transform.alpha_extrapolation == 0.2


def test_an_override_that_takes_a_setting_back_needs_no_effect(make_study: MakeStudy) -> None:
    overrides = {"data.class_list": None, "views.size": None}
    assert make_study(cells=[{"name": "a"}], overrides=overrides).cells[0].config.data.class_list is None


@pytest.mark.parametrize("start", ["never", 0.5])
def test_a_switch_is_never_without_effect(start: object, make_study: MakeStudy) -> None:
    assert make_study(cells=[{"name": "a"}], overrides={"transform.start": start}).cells


def test_a_single_trial_is_a_study(profile: ProfileConfig) -> None:
    study = single_trial_study("tiny", profile, 7, {"train.epochs": 3})
    (trial,) = expand_trials(study, "data")
    assert (trial.config.seed, trial.config.train.epochs) == (7, 3)
    with pytest.raises(ConfigError, match=r"a seed must be at least 0, but got -1"):
        single_trial_study("tiny", profile, -1, {})


def test_results_are_named_by_experiment_profile_and_overrides(make_study: MakeStudy) -> None:
    grid = {"method.key_momentum": [0.5]}
    assert make_study(grid=grid).results_name == "exp/tiny"
    assert make_study(grid=grid, overrides={"train.epochs": 5}).results_name == "exp/tiny+train.epochs=5"


def test_a_shorter_training_is_another_protocol_than_the_papers() -> None:
    papers = load_study("momentum", "imagenet100").protocol
    assert "100 epochs" in papers
    assert load_study("momentum", "imagenet100", overrides={"train.epochs": 20}).protocol != papers
    assert load_study("momentum", "imagenet100", overrides={"data.root": "/data/imagenet"}).protocol == papers


def test_processes_must_share_the_groups_of_every_cell(profile: ProfileConfig) -> None:
    experiment = ExperimentConfig(question="?", grid={"model.bn_groups": [4, 2]})
    four = profile.model_copy(update={"resources": ResourcesConfig(cpus_per_trial=4, processes_per_trial=4)})
    with pytest.raises(ConfigError, match=r"bn_groups=2 for 4 processes; nearest valid .*: 2"):
        resolve_study("exp", experiment, "tiny", four)


def test_a_study_of_more_trials_than_anyone_trains_is_refused(make_study: MakeStudy) -> None:
    momenta = [number / 1000 for number in range(1000)]
    assert len(make_study(grid={"method.key_momentum": momenta}, seeds=100).seeds) == 100
    with pytest.raises(
        ConfigError, match=r"1,000 cells with 101 seeds make 101,000; nearest valid number of seeds: 100"
    ):
        make_study(grid={"method.key_momentum": momenta}, seeds=101)
