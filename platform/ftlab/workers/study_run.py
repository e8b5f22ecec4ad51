"""Train the trials of a feed with Ray Tune, on this machine or on the cluster of RAY_ADDRESS."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import ray
from ray import tune
from ray.tune.error import TuneError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search import Searcher

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import ConfigError
from ftlab.machine.software import installed_software
from ftlab.running.dispatch import Dispatcher
from ftlab.running.feed import TrialFeed
from ftlab.running.listener import StudyListener
from ftlab.study.early_stopping import EarlyStopping
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome
from ftlab.workers.interruption import handler_restored
from ftlab.workers.nodes import check_nodes
from ftlab.workers.study_events import StudyEvents
from ftlab.workers.tune_folder import tune_folder
from ftlab.workers.worker import TrialWorker

_NEVER_SECONDS = 10 * 365 * 24 * 3600


class _Asha(ASHAScheduler):
    """Tune's ASHA, except that it never stops some trials."""

    def on_trial_result(self, tune_controller: TuneController, trial: TuneTrial, result: dict[str, Any]) -> str:
        """Decide whether a trial goes on."""
        if not trial.config["assignment"].may_stop:
            return TrialScheduler.CONTINUE
        return str(super().on_trial_result(tune_controller, trial, result))


class FeedSearcher(Searcher):
    """Lets Tune draw trials from a dispatcher.

    A scheduler of Tune could not hold trials back, because the controller starts every pending trial anyway.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(metric="knn", mode="max")
        self._dispatcher = dispatcher

    def __getstate__(self) -> dict[str, Any]:
        # Tune saves its searcher for Tuner.restore, which is never used; see `StudyEvents`.
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override] # FINISHED is a text
        """Return the next assignment, None if none is ready, or `FINISHED` if none will come."""
        assignment = self._dispatcher.next_assignment()
        if assignment is not None:
            return {"assignment": assignment}
        return Searcher.FINISHED if self._dispatcher.is_finished else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Ignore the event, which `StudyEvents` handles."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing, because running the command again resumes the study."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing; see `save`."""


def run_study(
    feed: TrialFeed,
    *,
    home: Home,
    resources: ResourcesConfig,
    listeners: Sequence[StudyListener],
    max_slots: int | None = None,
    early_stopping: EarlyStopping | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> dict[str, Outcome]:
    """Train the feed's trials in the open Ray session and tell the listeners; a trial that fails stops no other.

    Args:
        feed: Source of trials.
        home: Home of caches and checkpoints; Tune's own files stay on the driver's machine.
        resources: Resources of one trial.
        listeners: Told of every trial in this process.
        max_slots: Most trials at a time; None: as many as fit the session by their resources.
        early_stopping: Stops trials that do worse than others; None trains all to their end.
        stopping: Called on SIGINT, before the trials are stopped.

    Raises:
        ConfigError: One trial needs more than the session has, or a node has other software than the driver.
        FtlabError: A listener failed, e.g. because a disk is full: a trial that cannot be recorded is not trained.

    Returns:
        The outcome of each trial by trial key; after a SIGINT trials are interrupted or missing.
    """
    if os.environ.get("RAY_ADDRESS"):
        check_nodes()
    slots = _count_slots(resources)
    # Tune holds a reserve trial back only for lack of resources, so there is no reserve if memory is the limit.
    max_under_way = slots + 1 if max_slots is None or max_slots >= slots else max_slots
    dispatcher = Dispatcher(feed, max_under_way=max_under_way, max_failures=resources.max_failures)
    events = StudyEvents(dispatcher, [_Epochs(feed), *listeners], resources.epoch_time_limit, stopping)
    os.environ |= {
        # Else Tune starts one worker after another with a search algorithm.
        "TUNE_MAX_PENDING_TRIALS_PG": str(slots),
        # Else it writes the state of all trials again every few seconds, and keeps the texts, for Tuner.restore.
        "TUNE_GLOBAL_CHECKPOINT_S": str(_NEVER_SECONDS),
    }
    # Only the driver sees this folder; workers on other nodes need not, because Tune writes no checkpoints.
    with tune_folder(home / "ray") as folder:
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
                name=folder.name,
                storage_path=str(folder.parent),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=0),
                callbacks=[events],
                verbose=0,
            ),
        )
        try:
            with handler_restored(), suppress(KeyboardInterrupt):
                tuner.fit()
        except TuneError:
            if events.error is None:
                raise
    events.interrupt_rest()
    if events.error is not None:
        raise events.error
    return events.outcomes


class _Epochs:
    """Passes the epochs of a study on to its feed, which learns of ends from the dispatcher."""

    def __init__(self, feed: TrialFeed) -> None:
        self.epochs_trained = feed.epochs_trained

    def trial_started(self, trial: Trial) -> None:
        """Ignore the start, because the feed decided it."""

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
    # Tune would wait forever for a trial that fits no node.
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
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
