"""Train trials in this process, without Ray: one, or those of a study one after another."""

import logging
from collections.abc import Sequence
from itertools import chain

import torch

from ftlab.config.home import Home
from ftlab.errors import NonFiniteLossError
from ftlab.running.feed import Assignment, TrialFeed
from ftlab.running.listener import StudyListener
from ftlab.running.trial_run import StartRun, TrialRun
from ftlab.study.plan import DIVERGED
from ftlab.study.spec import Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

_logger = logging.getLogger(__name__)


def run_here(
    assignment: Assignment,
    *,
    home: Home,
    device: torch.device,
    checkpoint_seconds: float,
    listeners: Sequence[StudyListener],
    start: StartRun = TrialRun,
) -> Outcome:
    """Train one trial and tell the listeners; a divergence is an outcome, not an error.

    Args:
        assignment: The trial.
        home: Home of caches and checkpoints.
        device: Device of the training.
        checkpoint_seconds: Least time between two checkpoints.
        listeners: An error that one of them raises ends the training; the trial is then interrupted, and may go on
            from its last checkpoint.
        start: Function that starts the run.
    """
    trial = assignment.trial
    for listener in listeners:
        listener.trial_started(trial)
    outcome: Outcome | None = None
    warned = set[str]()
    try:
        run = start(assignment, home, device, checkpoint_seconds)
        for results in chain([run.history], ([result] for result in run.epochs())):
            if run.warning and run.warning not in warned:
                warned.add(run.warning)
                _logger.warning("%s", run.warning)
            for listener in listeners if results else ():
                listener.epochs_trained(trial, list(results))
        outcome = run.judge()
    except NonFiniteLossError as error:
        outcome = Outcome(TrialStatus.FAILED, f"{DIVERGED}{error}")
    finally:
        outcome = outcome or Outcome(TrialStatus.INTERRUPTED, "stopped")
        for listener in listeners:
            listener.trial_ended(trial, outcome)
    return outcome


def run_study_here(
    feed: TrialFeed,
    *,
    home: Home,
    device: torch.device,
    checkpoint_seconds: float,
    listeners: Sequence[StudyListener],
) -> dict[str, Outcome]:
    """Train the trials of a feed one after another, in its order; see `run_here`.

    Returns:
        Their outcomes, by trial key.
    """
    outcomes: dict[str, Outcome] = {}
    while (assignment := feed.next_assignment()) is not None:
        outcomes[assignment.trial.key] = run_here(
            assignment,
            home=home,
            device=device,
            checkpoint_seconds=checkpoint_seconds,
            listeners=[*listeners, _FeedListener(feed)],
        )
    return outcomes


class _FeedListener:
    """Tells a feed how its trials go."""

    def __init__(self, feed: TrialFeed) -> None:
        self._feed = feed

    def trial_started(self, trial: Trial) -> None:
        """Say nothing: the feed handed the trial out."""

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        self._feed.epochs_trained(trial, epochs)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self._feed.trial_ended(trial, outcome)
