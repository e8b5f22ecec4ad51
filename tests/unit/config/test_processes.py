import pytest

from ftlab.config.experiment import ResourcesConfig, check_processes
from ftlab.config.sections.model_section import ModelConfig
from ftlab.config.sections.train_section import TrainConfig
from ftlab.config.sections.transform_section import TransformConfig
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError


def resources(processes: int) -> ResourcesConfig:
    return ResourcesConfig(cpus_per_trial=processes, processes_per_trial=processes)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_share_the_groups(processes: int) -> None:
    check_processes(TrialConfig(model=ModelConfig(bn_groups=4)), resources(processes))


@pytest.mark.parametrize(("groups", "processes", "valid"), [(4, 3, 2), (4, 8, 4), (1, 2, 1)])
def test_groups_that_cannot_be_shared_out_are_refused(groups: int, processes: int, valid: int) -> None:
    message = f"bn_groups={groups} for {processes} processes; nearest valid resources.processes_per_trial: {valid}"
    with pytest.raises(ConfigError, match=message):
        check_processes(TrialConfig(model=ModelConfig(bn_groups=groups)), resources(processes))


@pytest.mark.parametrize(
    ("groups", "processes", "valid"), [(2, 4, 2), (6, 4, 2), (3, 2, 1), (8, 4, None), (1, 4, None)]
)
def test_groups_of_ft_are_shared_out_as_well(groups: int, processes: int, valid: int) -> None:
    transform = TransformConfig(positives="extrapolate", groups=groups)
    trial = TrialConfig(model=ModelConfig(bn_groups=8), train=TrainConfig(batch_size=96), transform=transform)
    if not valid:
        check_processes(trial, resources(processes))
        return
    message = f"transform.groups must be .* groups={groups} for {processes} processes; nearest valid .*: {valid}"
    with pytest.raises(ConfigError, match=message):
        check_processes(trial, resources(processes))


def test_groups_of_ft_that_never_begins_share_nothing_out() -> None:
    check_processes(TrialConfig(transform=TransformConfig(groups=3)), resources(2))
