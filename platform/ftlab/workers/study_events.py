"""Tune's events of a study, passed on to the dispatcher and the listeners."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from ftlab.errors import FtlabError
from ftlab.running.dispatch import Dispatcher
from ftlab.running.listener import StudyListener
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult
from ftlab.workers.interruption import answer_first

_logger = logging.getLogger(__name__)


class StudyEvents(tune.Callback):
    """Passes Tune's events on to dispatcher, feed and listeners, and ends workers that hang.

    Args:
        dispatcher: Decides which trials are tried again.
        listeners: Told of every trial; the feed is among them.
        time_limit: Seconds without a result after which a worker counts as hung; None sets no limit.
        stopping: Called on SIGINT.

    Attributes:
        outcomes: The outcome of each trial, by trial key.
        error: Error of a listener; it ends the study, and no listener is told anything any more.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        listeners: Sequence[StudyListener],
        time_limit: float | None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self._dispatcher = dispatcher
        self._listeners = listeners
        self._time_limit = time_limit
        self._stopping = stopping
        self._trials: dict[str, Trial] = {}
        self._heard: dict[str, float] = {}
        self._hung: set[str] = set()
        self._warned: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.error: FtlabError | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Tune saves its callbacks for Tuner.restore, which is never used: running the command again resumes.
        return {}

    def setup(self, *arguments: Any, **info: Any) -> None:
        """Heed Ctrl-C before Tune does, whose handler is set by now."""
        answer_first(self._stopping)

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
        # Tune keeps the last result of every trial as long as the study lasts.
        epochs: list[EpochResult] = result.pop("epochs")
        del result["config"]
        if epochs:
            self._tell(lambda listener: listener.epochs_trained(taken, epochs))
        if result["out_of_memory"] is not None:
            self._end_if_final(taken.key, self._dispatcher.out_of_memory(taken.key, result["out_of_memory"]))
        elif result["outcome"] is not None:
            self._dispatcher.ended(taken.key, result["outcome"])
            self._end(taken.key, result["outcome"])

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Announce a trial that early stopping ended."""
        self._forget(trial)
        last = trial.last_result
        # Tune also marks trials as done that it stops itself.
        if last["outcome"] is None and last["out_of_memory"] is None:
            key = trial.config["assignment"].trial.key
            outcome = Outcome(TrialStatus.PRUNED, f"stopped early after epoch {last['epoch']}: kNN {last['knn']:.1f}%")
            self._dispatcher.ended(key, outcome)
            self._end(key, outcome)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Have a trial whose worker died tried again, or announce its failure."""
        self._forget(trial)
        key = trial.config["assignment"].trial.key
        error = _error_text(trial)
        if "ray.exceptions.OutOfMemoryError" in error:
            outcome = self._dispatcher.out_of_memory(key, "the node was short of memory")
        else:
            hung = f"no epoch was finished in {self._time_limit} s" if trial.trial_id in self._hung else ""
            outcome = self._dispatcher.worker_died(key, hung or _last_line(error))
        self._end_if_final(key, outcome)

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """End the workers without a result for too long; Tune then reports their trials as errors."""
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

    def _forget(self, trial: TuneTrial) -> None:
        self._heard.pop(trial.trial_id, None)
        # Tune keeps the trial as long as the study lasts; most of it is the minimum, maximum and so on of each metric.
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()

    def _end_if_final(self, key: str, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._end(key, outcome)

    def _end(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self._tell(lambda listener: listener.trial_ended(self._trials[key], outcome))

    def _tell(self, call: Callable[[StudyListener], None]) -> None:
        if self.error is not None:
            return
        try:
            for listener in self._listeners:
                call(listener)
        except FtlabError as error:
            # Tune passes on only the error's text.
            self.error = error
            raise

    def _warn(self, warning: str) -> None:
        if warning and warning not in self._warned:
            self._warned.add(warning)
            _logger.warning("%s", warning)


def _kill_worker(trial: TuneTrial) -> None:
    actor = trial.temporary_state.ray_actor
    if actor is not None:
        ray.kill(actor)


def _error_text(trial: TuneTrial) -> str:
    # This is the file that Tune has just written; its copy below the storage path comes later.
    return Path(trial.error_file).read_text(encoding="utf-8", errors="replace") if trial.error_file else ""


def _last_line(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "the worker died without a message"
