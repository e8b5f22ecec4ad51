"""What a plan would cost on this machine, and how its trials would share it."""

import os
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import ConfigError, FtlabError
from ftlab.tuning.forecast import Forecast, forecast
from ftlab.tuning.hardware import Hardware, find_hardware
from ftlab.tuning.memory import find_gpus
from ftlab.tuning.packing import Packing
from ftlab.tuning.plan import Plan
from ftlab.tuning.pricing import price_trials
from ftlab.tuning.session import Capacity
from ftlab.tuning.slots import pack_study, packed
from ftlab.tuning.stages import by_urgency


@dataclass(frozen=True)
class Quote:
    """How a plan would be carried out.

    Attributes:
        resources: What a trial gets.
        packing: How trials share this machine; None on a cluster, where Ray's nodes decide.
        hardware: What a trial's durations are recorded with.
        forecast: The price; None without anything to tell it by.
        problem: Why there is no price, where a probe failed; empty otherwise.
    """

    resources: ResourcesConfig
    packing: Packing | None
    hardware: Hardware
    forecast: Forecast | None
    problem: str = ""


def make_quote(plan: Plan, *, home: Home, capacity: Capacity, max_probes: int) -> Quote:
    """Decide how the trials of a plan share the machine, and price them.

    Args:
        plan: What is left to train, at least one trial.
        home: Folder of everything ftlab keeps.
        capacity: What of this machine may be used.
        max_probes: How many probes of real steps may be made where no recorded trial tells; 0 makes the quote quick.

    Raises:
        ConfigError: A trial does not fit.
        FtlabError: The probe failed that ``trials_per_device: auto`` needs.
    """
    resources = plan.study.profile.resources
    if capacity.gpus == 0:
        resources = resources.model_copy(update={"gpus_per_trial": 0.0})
    if os.environ.get("RAY_ADDRESS"):
        together = _trials_per_gpu(resources)
        if resources.gpus_per_trial and resources.trials_per_device:
            resources = resources.model_copy(update={"gpus_per_trial": 1.0 / together})
        return Quote(resources, None, find_hardware(resources, together), None)
    cores = capacity.cpus or os.cpu_count() or 1
    num_gpus = len(find_gpus()) if capacity.gpus is None else capacity.gpus
    packing = pack_study(plan.todo, home=home, resources=resources, cores=cores, num_gpus=num_gpus)
    resources = packed(resources, packing)
    hardware = find_hardware(resources, packing.trials_per_device)
    try:
        prices = price_trials(plan.todo, home=home, resources=resources, hardware=hardware, max_probes=max_probes)
    except FtlabError as error:
        # A trial that diverges in its first steps is no reason against the others.
        return Quote(resources, packing, hardware, None, str(error))
    if prices is None:
        return Quote(resources, packing, hardware, None)
    price = forecast(
        by_urgency(plan.stages),
        prices.costs,
        slots=packing.slots,
        resources=resources,
        source=prices.source,
        num_nearest=prices.num_nearest,
    )
    return Quote(resources, packing, hardware, price)


def _trials_per_gpu(resources: ResourcesConfig) -> int:
    if resources.trials_per_device == "auto":
        raise ConfigError(
            "on a cluster trials_per_device must be a number, but got 'auto', which measures this machine; "
            "nearest valid: what `make plan` finds on one of its nodes."
        )
    return resources.trials_per_device or 1
