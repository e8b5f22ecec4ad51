"""The price of evaluations on other images, from what was judged before on the same hardware."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.estimate.cost import Costs
from ftlab.estimate.cost_store import CostStore
from ftlab.estimate.kinds import probe_kind
from ftlab.estimate.recorded_costs import recorded_costs
from ftlab.estimate.sweep_estimate import STARTUP_SECONDS
from ftlab.machine.capacity import Capacity
from ftlab.machine.facts import usable_cores
from ftlab.machine.hardware import Hardware, device_setting, find_hardware
from ftlab.machine.memory import find_gpus
from ftlab.study.transfer import AnyTransfer, as_trial


@dataclass(frozen=True)
class JudgingEstimate:
    """The estimated cost of evaluations.

    Attributes:
        seconds: Seconds for which each holds a worker, by its key; features that are kept shorten it.
        wall_seconds: Seconds from the command to its table.
        num_nearest: Evaluations that are estimated from other images or probes, because nothing like them was judged.
    """

    seconds: Mapping[str, float]
    wall_seconds: float
    num_nearest: int


def estimate_judging(
    todo: Sequence[AnyTransfer], *, home: Home, capacity: Capacity, resources: ResourcesConfig
) -> JudgingEstimate | None:
    """Return the estimate of evaluations; None if nothing was judged on this hardware, or if it is a cluster.

    Args:
        todo: The evaluations.
        home: Folder of everything ftlab keeps.
        capacity: The part of this machine that may be used.
        resources: Resources of a trial.
    """
    if os.environ.get("RAY_ADDRESS") or not todo:
        return None
    hardware, slots = judging_hardware(capacity, resources)
    recorded = recorded_costs(home / "trials", [as_trial(transfer) for transfer in todo], hardware)
    costs = CostStore(home, hardware).load() | recorded.costs
    if not costs.final_seconds:
        return None
    seconds = {one.key: costs.judging_seconds(as_trial(one)) for one in todo}
    nearest = sum(_kind(one) not in costs.final_seconds for one in todo)
    return JudgingEstimate(seconds, STARTUP_SECONDS + sum(seconds.values()) / slots, nearest)


def keep_judging_costs(
    judged: Iterable[tuple[AnyTransfer, float]], *, home: Home, capacity: Capacity, resources: ResourcesConfig
) -> None:
    """Keep the durations of evaluations, for the next estimate.

    Args:
        judged: Evaluations and the seconds that each took.
        home: Folder of everything ftlab keeps.
        capacity: The part of this machine that was used.
        resources: Resources of a trial.
    """
    found: dict[str, list[float]] = {}
    for transfer, seconds in judged:
        found.setdefault(_kind(transfer), []).append(seconds)
    if found:
        hardware, _ = judging_hardware(capacity, resources)
        CostStore(home, hardware).add(Costs(final_seconds={kind: median(each) for kind, each in found.items()}))


def judging_hardware(capacity: Capacity, resources: ResourcesConfig) -> tuple[Hardware, int]:
    """Return the hardware of an evaluation, and the number of evaluations at a time on this machine."""
    slots = (capacity.cpus or usable_cores()) // max(1, resources.cpus_per_trial // resources.num_processes)
    share = 0.0 if device_setting(resources) == "cpu" else min(1.0, resources.gpus_per_trial)
    if share:
        num_gpus = len(find_gpus()) if capacity.gpus is None else capacity.gpus
        slots = min(slots, int(num_gpus / share))
    slots = max(1, slots)
    return find_hardware(resources, together=int(1 / share) if share else slots), slots


def _kind(transfer: AnyTransfer) -> str:
    return probe_kind(transfer.config, transfer.fingerprint)
