"""Check that the processes of a trial can share its batch."""

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError


def check_processes(config: TrialConfig, resources: ResourcesConfig) -> None:
    """Check that each process of a trial holds whole groups of batch normalisation, and an equal part of the batch.

    The number of processes must not decide which images are normalised together, or results would depend on it.

    Args:
        config: The trial.
        resources: Resources of the trial.

    Raises:
        ConfigError: The groups cannot be shared out evenly.
    """
    groups, processes = config.model.bn_groups, resources.num_processes
    if groups % processes:
        valid = max(number for number in range(1, processes) if groups % number == 0)
        raise ConfigError(
            "model.bn_groups must be a multiple of the processes of a trial, so that each holds whole groups, but got "
            f"bn_groups={groups} for {processes} processes; nearest valid resources.processes_per_trial: {valid}."
        )
