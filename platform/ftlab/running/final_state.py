"""Get the state of a recorded trial after its last epoch, from its checkpoint or by training it again."""

from collections.abc import Callable, Mapping
from typing import Any

from ftlab.assembly.process import make_device, prepare_process
from ftlab.assembly.trial_parts import method_class
from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import CheckpointError
from ftlab.running.checkpoints import CheckpointCollector, checkpoints_folder
from ftlab.running.feed import Assignment
from ftlab.running.judged_run import unasked_metrics
from ftlab.running.kept_backbones import backbones_folder
from ftlab.running.trial_run import TrialRun
from ftlab.study.recorded_trial import RecordedTrial
from ftlab.study.spec import Trial
from ftlab.training.backbone_store import BackboneStore, KeptBackbone
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult

CHECKPOINT_SECONDS = 60.0
# Metrics of a kept state that answer other questions than the trial's.
UNASKED = "unasked"


def load_final_state(trial: Trial, home: Home) -> dict[str, Any]:
    """Load the checkpoint after a trial's last epoch onto the CPU, or what is kept of it: encoder and history.

    A sweep deletes the checkpoint when the trial has ended and no other trial can start from it; `ftlab train` leaves
    it in place until the next sweep.

    Raises:
        CheckpointError: Both are gone, or the one that is there is damaged.
        StorageError: The checkpoints cannot be reached.
    """
    store = CheckpointStore(checkpoints_folder(home))
    names = {trial.checkpoint_names(share=share)[-1] for share in (True, False)}
    for name in sorted(names):
        if store.exists(name):
            return store.load(name, "cpu")
    if (found := BackboneStore(backbones_folder(home)).load(trial.pretraining_key)) is not None:
        return _kept_state(trial, found[0])
    raise CheckpointError(
        f"the final checkpoint of {trial.key} must be there, but is gone: a sweep keeps a checkpoint only while a "
        "trial that is not finished could start from it, and its backbone is not kept either."
    )


def _kept_state(trial: Trial, kept: KeptBackbone) -> dict[str, Any]:
    name = method_class(trial.config.method).encoder_name
    return {
        "method": {f"{name}.{part}": value for part, value in kept.encoder.items()},
        "history": [dict(vars(result)) for result in kept.history],
        UNASKED: unasked_metrics(trial, kept),
    }


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
    run = TrialRun(
        Assignment(found.trial), home, make_device(resources.device), CHECKPOINT_SECONDS, keep=resources.keep
    )
    collector = CheckpointCollector(home, f"retraining of {found.trial.key}")
    collector.claim([found.trial])
    for result in run.epochs():
        on_epoch(result)
    state = load_final_state(found.trial, home)
    collector.claim([])
    return state


def differing_metrics(state: Mapping[str, Any], found: RecordedTrial) -> dict[str, tuple[float, float]]:
    """Return the metrics of the state's last epoch that differ from the record: value here and recorded value."""
    measured, unasked = state["history"][-1]["metrics"], state.get(UNASKED, ())
    return {
        name: (measured.get(name, float("nan")), value)
        for name, value in found.metrics.items()
        if measured.get(name) != value and name not in unasked
    }
