"""The estimate of a plan on this machine, and how its trials would share the machine."""

import os
from dataclasses import dataclass, replace

from ftlab.config.experiment import Keep, ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import ConfigError, FtlabError
from ftlab.estimate.known_costs import find_costs
from ftlab.estimate.packing import Packing
from ftlab.estimate.slots import pack_study, packed
from ftlab.estimate.sweep_estimate import Estimate, estimate_sweep
from ftlab.machine.capacity import Capacity
from ftlab.machine.facts import usable_cores
from ftlab.machine.hardware import Hardware, find_hardware
from ftlab.machine.memory import find_gpus
from ftlab.study.plan import Plan
from ftlab.study.stages import by_urgency


@dataclass(frozen=True)
class ResourcePlan:
    """The resources of a plan's trials, and the estimate of its cost.

    Attributes:
        resources: Resources of a trial.
        packing: The packing of trials on this machine; None on a cluster, where Ray's nodes decide.
        hardware: Hardware that a trial's durations are recorded with.
        estimate: The estimate; None if nothing similar was recorded or calibrated.
        problem: The reason why there is no estimate, if a calibration run failed; empty otherwise.
    """

    resources: ResourcesConfig
    packing: Packing | None
    hardware: Hardware
    estimate: Estimate | None
    problem: str = ""

    def keeping(self, keep: Keep) -> "ResourcePlan":
        """Return the plan with other files that stay of each trial."""
        return replace(self, resources=self.resources.model_copy(update={"keep": keep}))


def plan_resources(plan: Plan, *, home: Home, capacity: Capacity, max_calibrations: int) -> ResourcePlan:
    """Decide how the trials of a plan share the machine, and estimate their cost.

    Args:
        plan: The plan; it has at least one trial to train.
        home: Folder of everything ftlab keeps.
        capacity: The part of this machine that may be used.
        max_calibrations: Most calibration runs for trials unlike any recorded one; 0 makes the estimate quick.

    Raises:
        ConfigError: A trial does not fit.
        FtlabError: The calibration run that ``trials_per_device: auto`` needs failed.
    """
    resources = resources_within(capacity, plan.study.profile.resources)
    if os.environ.get("RAY_ADDRESS"):
        together = _trials_per_gpu(resources)
        if resources.gpus_per_trial and resources.trials_per_device:
            resources = resources.model_copy(update={"gpus_per_trial": 1.0 / together})
        return ResourcePlan(resources, None, find_hardware(resources, together), None)
    cores = capacity.cpus or usable_cores()
    num_gpus = len(find_gpus()) if capacity.gpus is None else capacity.gpus
    packing = pack_study(plan.todo, home=home, resources=resources, cores=cores, num_gpus=num_gpus)
    resources = packed(resources, packing)
    hardware = find_hardware(resources, packing.trials_per_device)
    try:
        known = find_costs(
            plan.todo, home=home, resources=resources, hardware=hardware, max_calibrations=max_calibrations
        )
    except FtlabError as error:
        # A trial that diverges in its first steps is no reason against the others.
        return ResourcePlan(resources, packing, hardware, None, str(error))
    if known is None:
        return ResourcePlan(resources, packing, hardware, None)
    estimate = estimate_sweep(
        by_urgency(plan.stages),
        known.costs,
        slots=packing.slots,
        resources=resources,
        source=known.source,
        num_nearest=known.num_nearest,
    )
    return ResourcePlan(resources, packing, hardware, estimate)


def resources_within(capacity: Capacity, resources: ResourcesConfig) -> ResourcesConfig:
    """Return the resources of a trial, without a GPU if none may be used."""
    return resources.model_copy(update={"gpus_per_trial": 0.0}) if capacity.gpus == 0 else resources


def _trials_per_gpu(resources: ResourcesConfig) -> int:
    if resources.trials_per_device == "auto":
        raise ConfigError(
            "on a cluster trials_per_device must be a number, but got 'auto', which measures this machine; "
            "nearest valid: what `make plan` finds on one of its nodes."
        )
    return resources.trials_per_device or 1
