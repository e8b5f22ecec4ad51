"""Get the state of a recorded trial after its last epoch, from its checkpoint or by training it again."""

from collections.abc import Callable, Mapping
from typing import Any

from ftlab.assembly.process import make_device, prepare_process
from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import CheckpointError
from ftlab.running.checkpoints import CheckpointCollector, checkpoints_folder
from ftlab.running.feed import Assignment
from ftlab.running.trial_run import TrialRun
from ftlab.study.recorded_trial import RecordedTrial
from ftlab.study.spec import Trial
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult

CHECKPOINT_SECONDS = 60.0


def load_final_state(trial: Trial, home: Home) -> dict[str, Any]:
    """Load the checkpoint after a trial's last epoch onto the CPU.

    A sweep deletes it when the trial has ended and no other trial can start from it; `ftlab train` leaves it in place
    until the next sweep.

    Raises:
        CheckpointError: It is gone or damaged.
        StorageError: The checkpoints cannot be reached.
    """
    store = CheckpointStore(checkpoints_folder(home))
    names = {trial.checkpoint_names(share=share)[-1] for share in (True, False)}
    for name in sorted(names):
        if store.exists(name):
            return store.load(name, "cpu")
    raise CheckpointError(
        f"the final checkpoint of {trial.key} must be there, but is gone: a sweep keeps a checkpoint only while a "
        "trial that is not finished could start from it."
    )


def retrain(found: RecordedTrial, home: Home, on_epoch: Callable[[EpochResult], None]) -> dict[str, Any]:
    """Train a recorded trial again with its device and threads, without recording it, and return its final state.

    It starts from its deepest checkpoint; if it is stopped, the same call continues it. The final checkpoint stays
    until the next sweep.

    Args:
        found: The trial.
        home: Home of caches and checkpoints.
        on_epoch: Called with the result of each epoch.

    Raises:
        ConfigError: It was trained on a GPU and there is none here.
        DataError: Its images are missing or differ.
    """
    on_cpu = found.tags.get("hardware.device", "cpu") == "cpu"
    threads = int(found.tags.get("hardware.threads", "1"))
    resources = ResourcesConfig(device="cpu" if on_cpu else "cuda", cpus_per_trial=threads)
    prepare_process(resources)
    run = TrialRun(Assignment(found.trial), home, make_device(resources.device), CHECKPOINT_SECONDS)
    collector = CheckpointCollector(home, f"retraining of {found.trial.key}")
    collector.claim([found.trial])
    for result in run.epochs():
        on_epoch(result)
    state = load_final_state(found.trial, home)
    collector.claim([])
    return state


def differing_metrics(state: Mapping[str, Any], found: RecordedTrial) -> dict[str, tuple[float, float]]:
    """Return the metrics of the state's last epoch that differ from the record: value here and recorded value."""
    measured = state["history"][-1]["metrics"]
    return {
        name: (measured.get(name, float("nan")), value)
        for name, value in found.metrics.items()
        if measured.get(name) != value
    }
