"""Judge floors in a task of Ray, beside the trials of the session."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ray

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.machine.software import Software, check_software, installed_software
from ftlab.study.floors import Floor

if TYPE_CHECKING:
    from ftlab.running.floor_records import FloorRecord


class FloorTask:
    """Judges floors one after another in a process of the open Ray session, from its creation on.

    Args:
        floors: The floors.
        home: Home of data sets and of the cache.
        resources: Resources of a trial, of which the task takes one process' share.
    """

    def __init__(self, floors: Sequence[Floor], home: Home, resources: ResourcesConfig) -> None:
        task = ray.remote(_judge).options(
            num_cpus=resources.cpus_per_trial // resources.num_processes, num_gpus=min(1.0, resources.gpus_per_trial)
        )
        self._found = task.remote(list(floors), home, resources, installed_software())

    def wait(self) -> "dict[str, FloorRecord]":
        """Return the findings by the floors' keys.

        Raises:
            RayError: The task failed.
        """
        found: dict[str, FloorRecord] = ray.get(self._found)
        return found

    def cancel(self) -> None:
        """End the task."""
        ray.cancel(self._found, force=True)


def _judge(floors: list[Floor], home: Home, resources: ResourcesConfig, software: Software) -> "dict[str, FloorRecord]":
    check_software(software, [installed_software()])
    from ftlab.assembly.process import make_device, prepare_process
    from ftlab.running.floor_judge import judge_floor

    prepare_process(resources)
    device = make_device(resources.device)
    return {floor.key: judge_floor(floor, home, device) for floor in floors}
