"""The training of a sweep: the trials that no other sweep trains, then those that others left."""

import time
from typing import TYPE_CHECKING

from ftlab.engine.backbone_room import with_room
from ftlab.engine.study_session import StudySession
from ftlab.engine.sweep_planner import SweepPlanner
from ftlab.estimate.resource_plan import ResourcePlan, plan_resources
from ftlab.estimate.sweep_estimate import Actual, held_hours
from ftlab.running.stage_feed import StageFeed
from ftlab.seeding.seed_feed import SeedFeed
from ftlab.study.plan import Plan, is_settled
from ftlab.study.spec import Trial
from ftlab.terminal.console import say
from ftlab.terminal.estimate_listing import comparison_line
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import resource_lines
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.timings import seconds_spent
from ftlab.tracking.tracker import REFUSED_TAG, Tracker
from ftlab.tracking.writer import TrackingWriter

if TYPE_CHECKING:
    import pandas as pd

POLL_SECONDS = 1.0


class SweepTraining:
    """Trains what a plan lacks, until nothing is left or the user interrupts.

    Args:
        session: The study's session.
        planner: Plans the study.
        tracker: The tracking store.
        writer: Writer of the store.

    Attributes:
        outcomes: Outcomes of the trials that ended meanwhile, here or in another sweep, by trial key.
        interrupted: Whether trials were left untrained.
    """

    def __init__(self, session: StudySession, planner: SweepPlanner, tracker: Tracker, writer: TrackingWriter) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.interrupted = False
        self._session = session
        self._planner = planner
        self._tracker = tracker
        self._writer = writer

    def replay(self, found: Plan, recorded: "pd.DataFrame") -> list[str]:
        """Bring records and files that only the journal has to the store; return the keys of their trials.

        Args:
            found: The plan of the study's own trials.
            recorded: The trials in the tracking store.
        """
        refused = set(recorded["trial_key"][[REFUSED_TAG in tags for tags in recorded["tags"]]])
        todo = {trial.key for trial in found.todo}
        keys = [trial.key for trial in found.trials if trial.key in todo | refused]
        return self._writer.replay(keys, self._session.study.results_name)

    def run(self, found: Plan, recorded: "pd.DataFrame") -> None:
        """Train the missing trials, wait for those that other sweeps train, and train what they leave.

        Args:
            found: The plan of the study's own trials.
            recorded: The trials in the tracking store.
        """
        left, started = found, time.time()
        if self._session.metrics:
            self._session.metrics.watch_spool(lambda: self._writer.num_pending)
        plan: ResourcePlan | None = None
        while not (feed := self._planner.feed(left, recorded, self._session.claims.take)).is_exhausted:
            plan = plan or self._plan_resources(left, recorded)
            elsewhere = self._train(left, recorded, feed, plan)
            self.interrupted = not feed.is_exhausted or not self._all_ended(left, elsewhere)
            if self.interrupted or not elsewhere or not self._wait_for(elsewhere):
                break
            self.replay(left, recorded)
            recorded = self._tracker.load_trials()
            left = self._planner.plan(recorded)
            self.outcomes |= _recorded_outcomes(recorded, {trial.key for trial in elsewhere})
        if plan is not None and plan.estimate is not None and not self.interrupted:
            spent = seconds_spent(self._session.home / "trials", list(self.outcomes), started)
            say(comparison_line(plan.estimate, Actual(time.time() - started, held_hours(spent, plan.resources))))

    def _plan_resources(self, left: Plan, recorded: "pd.DataFrame") -> ResourcePlan:
        everything = self._planner.plan_of_all(left, recorded)
        capacity = self._session.ray.capacity
        # A calibration run would delay the sweep by seconds; `plan` makes one.
        with phase("estimating the time"):
            plan = plan_resources(everything, home=self._session.home, capacity=capacity, max_calibrations=0)
        for line in resource_lines(plan, at_most=self._planner.auto is not None):
            say(line)
        return with_room(plan, self._session.home)

    def _train(
        self, left: Plan, recorded: "pd.DataFrame", feed: StageFeed | SeedFeed, plan: ResourcePlan
    ) -> list[Trial]:
        """Train the trials that no other sweep trains; return those that others train."""
        if self._session.metrics:
            self._session.metrics.expect(left.num_todo, [trial.key for trial in left.reused], left.epochs_spared)
        estimate = plan.estimate
        # Where nothing is trained, evaluations are all that takes time.
        share = left.epochs_left / estimate.num_epochs if estimate and estimate.num_epochs else 1.0
        forecast = estimate.wall_seconds * share if estimate else None
        known = _known_values(left, recorded)
        self.outcomes |= self._session.train(feed, plan, left, self._writer, forecast=forecast, known=known)
        return feed.elsewhere

    def _all_ended(self, left: Plan, elsewhere: list[Trial]) -> bool:
        ended = {key for key, outcome in self.outcomes.items() if outcome.status.is_final}
        return all(trial.key in ended or trial in elsewhere for trial in left.todo)

    def _wait_for(self, elsewhere: list[Trial]) -> bool:
        """Wait until another sweep ends one of the trials; return False if the user does not want to."""
        say(f"{len(elsewhere)} trials are trained by another sweep; waiting for them.")
        try:
            while not self._session.claims.any_free(trial.key for trial in elsewhere):
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.interrupted = True
        return not self.interrupted


def _known_values(plan: Plan, recorded: "pd.DataFrame") -> dict[str, list[float]]:
    """Return the values of the table's metric of the trials that a plan reuses, by cell."""
    if plan.metric not in recorded:
        return {}
    values = recorded.set_index("trial_key")[plan.metric].dropna()
    known: dict[str, list[float]] = {}
    for trial in plan.reused:
        if trial.key in values.index:
            known.setdefault(trial.cell, []).append(float(values[trial.key]))
    return known


def _recorded_outcomes(recorded: "pd.DataFrame", keys: set[str]) -> dict[str, Outcome]:
    rows = recorded[recorded["trial_key"].isin(keys)]
    found = {
        key: Outcome(TrialStatus(status), reason)
        for key, status, reason in zip(rows["trial_key"], rows["status"], rows["reason"], strict=True)
    }
    return {key: outcome for key, outcome in found.items() if is_settled(outcome.status, outcome.reason)}
