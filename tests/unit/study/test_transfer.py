from collections.abc import Callable

import pytest

from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import ConfigError
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.study.transfer import check_places, data_of, make_transfer, task_name

MakeTrial = Callable[..., Trial]


@pytest.fixture
def make_trial(make_study: Callable[..., StudySpec]) -> MakeTrial:
    def make(**overrides: object) -> Trial:
        study = make_study(overrides=overrides, cells=[{"name": "a"}])
        return expand_trials(study, "digits of before")[0]

    return make


def test_images_elsewhere_have_the_size_of_the_encoders(make_trial: MakeTrial) -> None:
    config = make_trial().config
    assert data_of("folder:/data/a b", config) == DataConfig(name="folder", root="/data/a b", image_size=8)
    assert data_of("cifar10", config) == DataConfig(name="cifar10", image_size=8)
    assert make_trial(**{"views.size": 12}).config.view_size == 12
    assert data_of("digits", make_trial(**{"views.size": 12}).config).image_size == 12


@pytest.mark.parametrize(
    ("place", "message"),
    [("cifar11", "got 'cifar11'. Did you mean 'cifar1"), ("folder", "got 'folder'"), ("folder:", "followed by a path")],
)
def test_other_places_are_refused(place: str, message: str, make_trial: MakeTrial) -> None:
    with pytest.raises(ConfigError, match=message):
        data_of(place, make_trial().config)


def test_tasks_have_names_of_their_own() -> None:
    check_places(["digits", "folder:/a/cub"])
    assert task_name("folder:/a/cub/") == "cub"
    with pytest.raises(ConfigError, match="needs images, but got none, and neither"):
        check_places([])
    with pytest.raises(ConfigError, match="'cub' is twice"):
        check_places(["folder:/a/cub", "folder:/b/cub"])


def test_a_key_knows_pretraining_images_and_probes(make_trial: MakeTrial) -> None:
    trial = make_trial()
    data = data_of("folder:/data/cub", trial.config)
    key = make_transfer(trial, data, "cub").key
    elsewhere = data.model_copy(update={"root": "/elsewhere/cub"})
    assert make_transfer(trial, elsewhere, "cub").key == key
    others = [
        make_transfer(trial, data, "other images"),
        make_transfer(make_trial(**{"train.learning_rate": 0.5}), data, "cub"),
        make_transfer(make_trial(**{"probe.few_shot_labels": 1}), data, "cub"),
    ]
    assert len({key, *(other.key for other in others)}) == 4


def test_an_experiment_may_say_what_is_judged_on(make_study: Callable[..., StudySpec]) -> None:
    assert make_study(cells=[{"name": "a"}]).evaluations == ()
    study = make_study(cells=[{"name": "a"}], evaluations=["digits", "folder:/data/cub"])
    assert study.evaluations == ("digits", "folder:/data/cub")
