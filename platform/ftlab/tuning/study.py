"""Train the trials of a feed with Ray Tune, on this machine or on the cluster of RAY_ADDRESS."""

import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search import Searcher

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import ConfigError
from ftlab.tracking.tracker import EpochRecord, Outcome, TrialStatus
from ftlab.tuning.cluster import check_nodes
from ftlab.tuning.dispatch import Dispatcher
from ftlab.tuning.early_stopping import EarlyStopping
from ftlab.tuning.feed import TrialFeed
from ftlab.tuning.listener import StudyListener
from ftlab.tuning.software import installed_software
from ftlab.tuning.spec import Trial
from ftlab.tuning.worker import TrialWorker

_logger = logging.getLogger(__name__)


class _Asha(ASHAScheduler):
    """Tune's ASHA, which leaves some trials alone."""

    def on_trial_result(self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]) -> str:
        """Decide whether a trial goes on."""
        if not trial.config["assignment"].may_stop:
            return TrialScheduler.CONTINUE
        return str(super().on_trial_result(tune_controller, trial, result))


class FeedSearcher(Searcher):
    """Lets Tune draw trials from a dispatcher.

    A scheduler of Tune's could not hold trials back: whatever it chooses, the controller starts every pending trial.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(metric="knn", mode="max")
        self._dispatcher = dispatcher

    def __getstate__(self) -> dict[str, Any]:
        # As with the callback: Tune saves its searcher for Tuner.restore.
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override] # FINISHED is a text
        """Return the next assignment, None for now, or that there is none any more."""
        assignment = self._dispatcher.next_assignment()
        if assignment is not None:
            return {"assignment": assignment}
        return Searcher.FINISHED if self._dispatcher.is_finished else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Ignore the event, which `StudyCallback` hears too."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: running the command again resumes."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing; see `save`."""


class StudyCallback(tune.Callback):
    """Hands Tune's events on to dispatcher, feed and listeners, and ends workers that hang.

    Args:
        dispatcher: Decides what is tried again.
        listeners: Told of every trial; the feed is among them.
        time_limit: Seconds without a result after which a worker hangs; None never.
    """

    def __init__(self, dispatcher: Dispatcher, listeners: Sequence[StudyListener], time_limit: float | None) -> None:
        self._dispatcher = dispatcher
        self._listeners = listeners
        self._time_limit = time_limit
        self._trials: dict[str, Trial] = {}
        self._heard: dict[str, float] = {}
        self._hung: set[str] = set()
        self._warned: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune saves its callbacks for Tuner.restore, which is never used: running the command again resumes.
        return {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Announce a trial."""
        taken = trial.config["assignment"].trial
        self._trials[taken.key] = taken
        self._tell(lambda listener: listener.trial_started(taken))

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        """Announce epochs, and the end of the trial with the last of them."""
        taken = trial.config["assignment"].trial
        self._heard[trial.trial_id] = time.monotonic()
        self._warn(result["warning"])
        epochs = [EpochRecord(**epoch) for epoch in result["epochs"]]
        if epochs:
            self._tell(lambda listener: listener.epochs_trained(taken, epochs))
        if result["out_of_memory"] is not None:
            self._end_if_final(taken.key, self._dispatcher.out_of_memory(taken.key, result["out_of_memory"]))
        elif result["outcome"] is not None:
            self._dispatcher.ended(taken.key, result["outcome"])
            self._end(taken.key, result["outcome"])

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Announce a trial that early stopping ended."""
        self._heard.pop(trial.trial_id, None)
        last = trial.last_result
        # Tune marks also those as done that it stops itself.
        if last["outcome"] is None and last["out_of_memory"] is None:
            key = trial.config["assignment"].trial.key
            outcome = Outcome(TrialStatus.PRUNED, f"stopped early after epoch {last['epoch']}: kNN {last['knn']:.1f}%")
            self._dispatcher.ended(key, outcome)
            self._end(key, outcome)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Let a trial be tried again whose worker died, or announce its failure."""
        self._heard.pop(trial.trial_id, None)
        key = trial.config["assignment"].trial.key
        error = _error_text(trial)
        if "ray.exceptions.OutOfMemoryError" in error:
            outcome = self._dispatcher.out_of_memory(key, "the node was short of memory")
        else:
            hung = f"no epoch was finished in {self._time_limit} s" if trial.trial_id in self._hung else ""
            outcome = self._dispatcher.worker_died(key, hung or _last_line(error))
        self._end_if_final(key, outcome)

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """End the workers that have not been heard of for too long; Tune then reports their trials as errors."""
        if self._time_limit is None:
            return
        late = time.monotonic() - self._time_limit
        for trial in trials:
            if self._heard.get(trial.trial_id, late) < late and trial.trial_id not in self._hung:
                self._hung.add(trial.trial_id)
                _kill_worker(trial)

    def interrupt_rest(self) -> None:
        """Announce the interruption of every trial that started and did not end."""
        for key in set(self._trials) - set(self.outcomes):
            self._end(key, Outcome(TrialStatus.INTERRUPTED, "the study was stopped"))

    def _end_if_final(self, key: str, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._end(key, outcome)

    def _end(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self._tell(lambda listener: listener.trial_ended(self._trials[key], outcome))

    def _tell(self, call: Callable[[StudyListener], None]) -> None:
        for listener in self._listeners:
            call(listener)

    def _warn(self, warning: str) -> None:
        if warning and warning not in self._warned:
            self._warned.add(warning)
            _logger.warning("%s", warning)


def run_study(
    feed: TrialFeed,
    *,
    home: Home,
    resources: ResourcesConfig,
    listeners: Sequence[StudyListener],
    max_slots: int | None = None,
    early_stopping: EarlyStopping | None = None,
) -> dict[str, Outcome]:
    """Train what the feed gives in the open Ray session and tell the listeners; a trial that fails stops no other.

    Args:
        feed: Source of trials.
        home: Home of caches and checkpoints; Tune's own files stay on the driver's machine.
        resources: What one trial may use.
        listeners: Told of every trial in this process.
        max_slots: Trials at a time at most; None: as many as fit the session by their resources.
        early_stopping: Stops trials that do worse than others; None lets all come to their end.

    Raises:
        ConfigError: One trial asks for more than there is, or a node has other software than the driver.

    Returns:
        How each trial ended, by trial key; trials are interrupted or missing after a SIGINT or SIGTERM.
    """
    if os.environ.get("RAY_ADDRESS"):
        check_nodes()
    slots = _count_slots(resources)
    # Tune holds the trial in reserve back for its resources alone, so where memory is the limit there is none.
    max_under_way = slots + 1 if max_slots is None or max_slots >= slots else max_slots
    dispatcher = Dispatcher(feed, max_under_way=max_under_way, max_failures=resources.max_failures)
    callback = StudyCallback(dispatcher, [_Epochs(feed), *listeners], resources.epoch_time_limit)
    # The driver's alone: a worker on another node does not see it, and would have to for a checkpoint of Tune's.
    storage = home / "ray"
    name = f"study-{os.getpid()}-{time.time_ns()}"
    # Else Tune starts one worker after another with a search algorithm.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
    with _terminate_as_interrupt():
        trainable = tune.with_parameters(TrialWorker, home=home, resources=resources, software=installed_software())
        tuner = tune.Tuner(
            tune.with_resources(trainable, _request(resources)),
            tune_config=tune.TuneConfig(
                search_alg=FeedSearcher(dispatcher),
                scheduler=_scheduler(early_stopping),
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name=name,
                storage_path=str(storage),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=0),
                callbacks=[callback],
                verbose=0,
            ),
        )
        with suppress(KeyboardInterrupt):
            tuner.fit()
    callback.interrupt_rest()
    shutil.rmtree(storage / name, ignore_errors=True)
    return callback.outcomes


class _Epochs:
    """Passes the epochs of a study on to its feed, which hears of ends from the dispatcher."""

    def __init__(self, feed: TrialFeed) -> None:
        self.epochs_trained = feed.epochs_trained

    def trial_started(self, trial: Trial) -> None:
        """Ignore the start, which the feed decided."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Ignore the end; see `Dispatcher.ended`."""


def _scheduler(early_stopping: EarlyStopping | None) -> TrialScheduler | None:
    if early_stopping is None:
        return None
    return _Asha(
        time_attr="epoch",
        metric="knn",
        mode="max",
        max_t=early_stopping.max_epochs,
        grace_period=early_stopping.grace_epochs,
        reduction_factor=early_stopping.reduction_factor,
    )


def _request(resources: ResourcesConfig) -> Callable[[dict[str, Any]], tune.PlacementGroupFactory]:
    whole_node = int(max(node.get("CPU", 0) for node in _nodes()))

    def request(config: dict[str, Any]) -> tune.PlacementGroupFactory:
        cpus, gpus = resources.cpus_per_trial, resources.gpus_per_trial
        if config["assignment"].alone:
            cpus, gpus = (cpus, max(1.0, gpus)) if gpus else (whole_node, gpus)
        return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}])

    return request


def _count_slots(resources: ResourcesConfig) -> int:
    # Tune would wait for ever for a trial that no node has room for.
    wanted = {"CPU": float(resources.cpus_per_trial), "GPU": resources.gpus_per_trial}
    slots = sum(int(min(node.get(kind, 0) / number for kind, number in wanted.items() if number)) for node in _nodes())
    if not slots:
        largest = {kind: max(node.get(kind, 0.0) for node in _nodes()) for kind in wanted}
        raise ConfigError(
            f"a trial must fit one machine, but the profile asks for {wanted['CPU']:g} CPU cores and {wanted['GPU']:g} "
            f"GPU, and Ray sees at most {largest['CPU']:g} and {largest['GPU']:g}; GPUS=0 trains on CPU cores, and a "
            "smaller resources.cpus_per_trial fits fewer of them."
        )
    return slots


def _nodes() -> list[dict[str, float]]:
    """Return the resources of each node."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    # Tune stops cleanly on SIGINT alone; a scheduler's SIGTERM deserves the same.
    previous = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _kill_worker(trial: TuneTrial) -> None:
    actor = trial.temporary_state.ray_actor
    if actor is not None:
        ray.kill(actor)


def _error_text(trial: TuneTrial) -> str:
    # The file that Tune has just written; its copy below the storage path comes later.
    return Path(trial.error_file).read_text() if trial.error_file else ""


def _last_line(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "the worker died without a message"
