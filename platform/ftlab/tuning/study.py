"""Train the trials of a study with Ray Tune, on this machine or on the cluster of RAY_ADDRESS."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.errors import ConfigError, FtlabError, NonFiniteLossError
from ftlab.tracking.tracker import EpochRecord, Outcome, TrialStatus
from ftlab.tuning.cluster import check_nodes
from ftlab.tuning.listener import StudyListener
from ftlab.tuning.plan import DIVERGED
from ftlab.tuning.software import Software, check_software, installed_software
from ftlab.tuning.spec import Trial

if TYPE_CHECKING:
    from ftlab.training.trainer import EpochResult

REPORT_SECONDS = 1.0


class TrialWorker(tune.Trainable):
    """A warm worker that runs one trial after another; a step of Tune's is about a second of epochs."""

    def setup(  # type: ignore[override] # tune.with_parameters adds the keywords
        self,
        config: dict[str, Any],
        *,
        trials: Mapping[str, Trial],
        home: Home,
        resources: ResourcesConfig,
        software: Software,
    ) -> None:
        """Take up the first trial; torch is imported here, once per worker."""
        check_software(software, [installed_software()])
        from ftlab.build.trainer import make_device, pin_threads

        pin_threads(resources)
        self._trials = trials
        self._home = home
        self._resources = resources
        self._device = make_device(resources.device)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take up another trial without a new process."""
        from ftlab.tuning.trial import TrialRun, judge

        self._judge = judge
        self._trial = self._trials[new_config["trial_key"]]
        run = TrialRun(self._trial, self._home, self._device, self._resources.checkpoint_seconds)
        self._epochs = run.epochs()
        return True

    def step(self) -> dict[str, Any]:
        """Train for about `REPORT_SECONDS`, at least an epoch, and report the epochs behind it."""
        epochs: list[EpochResult] = []
        try:
            outcome = self._train_until(time.monotonic() + REPORT_SECONDS, epochs)
        except NonFiniteLossError as error:
            outcome = Outcome(TrialStatus.FAILED, f"{DIVERGED}{error}")
        except FtlabError as error:
            outcome = Outcome(TrialStatus.FAILED, str(error))
        return {"epochs": [asdict(epoch) for epoch in epochs], "outcome": outcome, "done": outcome is not None}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save nothing: checkpoints are content-addressed and belong to `TrialRun`, not to Tune."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Load nothing; see `save_checkpoint`."""

    def _train_until(self, deadline: float, epochs: "list[EpochResult]") -> Outcome | None:
        for result in self._epochs:
            epochs.append(result)
            if result.epoch == self._trial.config.train.epochs:
                return self._judge(result)
            if time.monotonic() >= deadline:
                break
        return None


class StudyCallback(tune.Callback):
    """Hands Tune's events on to the listeners, and remembers which trials ended."""

    def __init__(self, trials: Mapping[str, Trial], listeners: Sequence[StudyListener]) -> None:
        self._trials = trials
        self._listeners = listeners
        self.started: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune saves its callbacks for Tuner.restore, which is never used: running the command again resumes.
        return {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Announce a trial."""
        key = trial.config["trial_key"]
        self.started.add(key)
        self._tell(lambda listener: listener.trial_started(self._trials[key]))

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        """Announce epochs, and the end of the trial with the last of them."""
        key = trial.config["trial_key"]
        epochs = [EpochRecord(**epoch) for epoch in result.get("epochs", ())]
        if epochs:
            self._tell(lambda listener: listener.epochs_trained(self._trials[key], epochs))
        if result.get("outcome") is not None:
            self._end(key, result["outcome"])

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Announce a trial whose worker failed more often than it may."""
        self._end(trial.config["trial_key"], Outcome(TrialStatus.FAILED, _last_line(trial)))

    def interrupt_rest(self) -> None:
        """Announce the interruption of every trial that started and did not end."""
        for key in self.started - set(self.outcomes):
            self._end(key, Outcome(TrialStatus.INTERRUPTED, "the study was stopped"))

    def _end(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self._tell(lambda listener: listener.trial_ended(self._trials[key], outcome))

    def _tell(self, call: Callable[[StudyListener], None]) -> None:
        for listener in self._listeners:
            call(listener)


def run_study(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    listeners: Sequence[StudyListener],
) -> dict[str, Outcome]:
    """Train the trials in the open Ray session and tell the listeners of each; one that fails stops no other.

    Args:
        trials: What to train, in order.
        home: Home of caches and checkpoints; Tune's own files stay on the driver's machine.
        resources: What one trial may use.
        listeners: Told of every trial in this process.

    Raises:
        ConfigError: One trial asks for more than there is, or a node has other software than the driver.

    Returns:
        How each trial ended, by trial key; trials are interrupted or missing after a SIGINT or SIGTERM.
    """
    if os.environ.get("RAY_ADDRESS"):
        check_nodes()
    _check_capacity(resources)
    by_key = {trial.key: trial for trial in trials}
    callback = StudyCallback(by_key, listeners)
    # The driver's alone: a worker on another node does not see it, and would have to for a checkpoint of Tune's.
    storage = home / "ray"
    name = f"study-{os.getpid()}-{time.time_ns()}"
    with _terminate_as_interrupt():
        software = installed_software()
        trainable = tune.with_parameters(TrialWorker, trials=by_key, home=home, resources=resources, software=software)
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}),
            param_space={"trial_key": tune.grid_search(list(by_key))},
            tune_config=tune.TuneConfig(reuse_actors=True, trial_dirname_creator=lambda trial: trial.trial_id),
            run_config=tune.RunConfig(
                name=name,
                storage_path=str(storage),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=resources.max_failures),
                callbacks=[callback],
                verbose=0,
            ),
        )
        with suppress(KeyboardInterrupt):
            tuner.fit()
    callback.interrupt_rest()
    shutil.rmtree(storage / name, ignore_errors=True)
    return callback.outcomes


def _check_capacity(resources: ResourcesConfig) -> None:
    # Tune would wait for ever for a GPU that is not there.
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if resources.gpus_per_trial > there.get("GPU", 0):
        raise ConfigError(
            f"a trial must fit the machine, but the profile asks for {resources.gpus_per_trial} GPU and Ray sees "
            f"{there.get('GPU', 0):g}; GPUS=0 trains on CPU cores."
        )
    if resources.cpus_per_trial > there.get("CPU", 0):
        raise ConfigError(
            f"a trial must fit the machine, but the profile asks for {resources.cpus_per_trial} CPU cores and Ray sees "
            f"{there.get('CPU', 0):g}; choose a profile with a smaller resources.cpus_per_trial."
        )


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    # Tune stops cleanly on SIGINT alone; a scheduler's SIGTERM deserves the same.
    previous = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _last_line(trial: TuneTrial) -> str:
    lines = [line for line in str(trial.get_error() or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "the worker died without a message"
