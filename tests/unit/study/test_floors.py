import pytest

from ftlab.config.setting import Settings
from ftlab.study.floors import FloorKind, find_floors
from ftlab.study.spec import StudySpec, load_study


def study_of(overrides: Settings | None = None, *, seeds: int = 2) -> StudySpec:
    return load_study("components", "digits", num_seeds=seeds, overrides=overrides)


def test_there_is_a_floor_of_each_kind_and_seed() -> None:
    floors = find_floors(study_of(), "data")
    assert [(floor.kind, floor.config.seed) for floor in floors] == [
        (FloorKind.PIXELS, 0),
        (FloorKind.PIXELS, 1),
        (FloorKind.UNTRAINED, 0),
        (FloorKind.UNTRAINED, 1),
    ]
    assert len({floor.key for floor in floors}) == 4


def test_large_images_have_no_floor_of_pixels() -> None:
    floors = find_floors(study_of({"views.size": 33}), "data")
    assert {floor.kind for floor in floors} == {FloorKind.UNTRAINED}


@pytest.mark.parametrize(
    "overrides",
    [{"train.epochs": 3}, {"train.learning_rate": 0.5}, {"method.key_momentum": 0.5}, {"views.recipe": "moco_v1"}],
)
def test_training_decides_no_floor(overrides: Settings) -> None:
    assert find_floors(study_of(overrides), "data") != find_floors(study_of(), "data")
    keys = [[floor.key for floor in find_floors(study, "data")] for study in (study_of(overrides), study_of())]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.width": 8},
        {"views.size": 7},
        {"probe.few_shot_labels": 3},
        {"probe.linear": "paper"},
        {"probe.knn_k": 3},
    ],
)
def test_encoder_and_probes_decide_floors(overrides: Settings) -> None:
    keys = [{floor.key for floor in find_floors(study, "data")} for study in (study_of(overrides), study_of())]
    assert keys[0].isdisjoint(keys[1])


def test_data_decide_floors() -> None:
    keys = [{floor.key for floor in find_floors(study_of(), data)} for data in ("data", "other")]
    assert keys[0].isdisjoint(keys[1])
