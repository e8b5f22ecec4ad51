"""Judge backbones in tasks of Ray, as many at a time as fit, each tried again if its process dies."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import ray
from ray.exceptions import RayError

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import FtlabError
from ftlab.machine.software import Software, check_software, installed_software
from ftlab.study.transfer import AnyTransfer

if TYPE_CHECKING:
    from ftlab.running.floor_records import FloorRecord


def judge_in_tasks(
    transfers: Sequence[AnyTransfer], home: Home, resources: ResourcesConfig
) -> "Iterator[tuple[AnyTransfer, FloorRecord | str]]":
    """Yield each transfer with its findings as it is judged in the open Ray session, or with the reason why it is not.

    A task whose process dies is tried again ``resources.max_failures`` times, and one that fails stops no other.

    Args:
        transfers: The transfers.
        home: Home of kept backbones, data sets and the cache.
        resources: Resources of a trial, of which a task takes one process' share.
    """
    task = ray.remote(_judge).options(
        num_cpus=resources.cpus_per_trial // resources.num_processes,
        num_gpus=min(1.0, resources.gpus_per_trial),
        max_retries=resources.max_failures,
    )
    software = installed_software()
    waiting = {task.remote(transfer, home, resources, software): transfer for transfer in transfers}
    try:
        while waiting:
            (reference,), _ = ray.wait(list(waiting), num_returns=1)
            transfer = waiting.pop(reference)
            try:
                found: FloorRecord | str = ray.get(reference)
            except RayError as error:
                found = str(error).strip().splitlines()[-1]
            yield transfer, found
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def _judge(transfer: AnyTransfer, home: Home, resources: ResourcesConfig, software: Software) -> "FloorRecord | str":
    check_software(software, [installed_software()])
    from ftlab.assembly.process import make_device, prepare_process
    from ftlab.running.transfer.transfer_judge import judge_transfer

    prepare_process(resources)
    try:
        started = time.perf_counter()
        found = judge_transfer(transfer, home, make_device(resources.device))
        return replace(found, seconds=time.perf_counter() - started)
    except FtlabError as error:
        return str(error)
