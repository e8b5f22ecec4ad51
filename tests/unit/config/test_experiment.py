import pytest
from pydantic import ValidationError

from ftlab.config.experiment import ExperimentConfig, ResourcesConfig


def test_an_experiment_needs_cells() -> None:
    with pytest.raises(ValidationError, match=r"needs a grid or cells, but got neither"):
        ExperimentConfig(question="?")


def test_an_axis_needs_values() -> None:
    with pytest.raises(ValidationError, match=r"at least one value, but got none for 'method.temperature'"):
        ExperimentConfig(question="?", grid={"method.key_momentum": [0.9], "method.temperature": []})


def test_an_experiment_needs_a_seed() -> None:
    with pytest.raises(ValidationError, match=r"greater than or equal to 1"):
        ExperimentConfig(question="?", seeds=0, grid={"method.key_momentum": [0.9]})


def test_grid_values_keep_their_type() -> None:
    values = ["never", 0, 0.5, True, None, [1.0, 2.0]]
    experiment = ExperimentConfig.model_validate({"question": "?", "grid": {"transform.start": values}})
    kept = experiment.grid["transform.start"]
    assert kept == values
    assert [type(value) for value in kept] == [type(value) for value in values]


@pytest.mark.parametrize("setting", ["cpus_per_trial", "gpus_per_trial", "max_failures", "checkpoint_seconds"])
def test_resources_are_not_negative(setting: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        ResourcesConfig.model_validate({setting: -1})


@pytest.mark.parametrize(
    ("settings", "processes"),
    [
        ({}, 1),
        ({"gpus_per_trial": 0.25}, 1),
        ({"gpus_per_trial": 1}, 1),
        ({"gpus_per_trial": 4, "cpus_per_trial": 8}, 4),
        ({"gpus_per_trial": 2, "cpus_per_trial": 2, "processes_per_trial": 2}, 2),
        ({"cpus_per_trial": 3, "processes_per_trial": 3}, 3),
    ],
)
def test_a_trial_has_a_process_for_each_of_its_gpus(settings: dict[str, float], processes: int) -> None:
    assert ResourcesConfig.model_validate(settings).num_processes == processes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gpus_per_trial": 1.5}, r"must be a whole number, but got 1.5; nearest valid: 2"),
        (
            {"gpus_per_trial": 2, "processes_per_trial": 4},
            r"=4, gpus_per_trial=2; nearest valid processes_per_trial: 2",
        ),
        ({"gpus_per_trial": 0.5, "processes_per_trial": 2}, r"=2, gpus_per_trial=0.5; .* processes_per_trial: 1"),
        ({"gpus_per_trial": 2}, r"cpus_per_trial=1 for 2 processes; nearest valid cpus_per_trial: 2"),
        ({"processes_per_trial": 2}, r"cpus_per_trial=1 for 2 processes; nearest valid cpus_per_trial: 2"),
    ],
)
def test_the_processes_of_a_trial_need_devices(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ResourcesConfig.model_validate(settings)
