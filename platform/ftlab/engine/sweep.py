"""The sweep: train the trials that a table still lacks, record them, write the table."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import ftlab_home
from ftlab.engine.closing import close_study
from ftlab.engine.exclusive import exclusive
from ftlab.engine.housekeeper import Housekeeper
from ftlab.engine.planning import name_trials, plan_study
from ftlab.estimate.forecast import Actual, held_hours
from ftlab.estimate.quote import Quote, make_quote
from ftlab.machine.capacity import Capacity
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.running.checkpoints import CheckpointCollector, existing_checkpoints
from ftlab.running.claims import TrialClaims
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.running.stage_feed import StageFeed
from ftlab.seeding.seed_feed import SeedFeed
from ftlab.storage.atomic import require_writable
from ftlab.study.plan import Plan, is_settled
from ftlab.study.spec import StudySpec, Trial
from ftlab.terminal.console import INTERRUPTED, complain, console, report_undelivered, say
from ftlab.terminal.forecast_listing import comparison_line
from ftlab.terminal.plan_listing import plan_summary, quote_lines, sweep_command
from ftlab.terminal.study_display import StudyDisplay
from ftlab.terminal.table_listing import print_table
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.timings import seconds_spent
from ftlab.tracking.writer import TrackingWriter
from ftlab.workers.metrics_server import serve_metrics
from ftlab.workers.session import RaySession

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.running.listener import StudyListener
    from ftlab.tracking.tracker import Tracker

POLL_SECONDS = 1.0


@dataclass
class Sweep:
    """One sweep of a study.

    Attributes:
        study: The study to sweep.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.
        options: Options of the table; with ``auto`` it gets more seeds where they matter.
        share: Whether trials share prefixes.
        outcomes: Outcomes of the trials that this sweep trained, by trial key.
    """

    study: StudySpec
    capacity: Capacity
    results: Path
    options: TableOptions
    share: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def run(self) -> int:
        """Train, record and tabulate; return the exit status.

        Raises:
            FtlabError: Another process sweeps the same study, or something that the sweep needs is wrong.
        """
        require_writable(self.results / self.study.results_name)
        home = ftlab_home()
        self._home, self._journal = home, Journal(home / "trials")
        self._interrupted = False
        self._undelivered: list[str] = []
        self._collector = CheckpointCollector(home, self.study.results_name)
        with (
            exclusive(home, self.study),
            TrialClaims(home / "locks", self._journal) as self._claims,
            serve_metrics(self.study.experiment) as self._metrics,
        ):
            self._session = RaySession(self.capacity)
            try:
                self._start_early()
                found, recorded = self._train_missing()
            finally:
                self._session.stop()
            return self._finish(found, recorded)

    def _start_early(self) -> None:
        # Ray starts while the data set is decoded and the tracking store is opened, unless nothing seems to be missing.
        ended_here = self._journal.finished_keys() if self.options.auto is None else set()
        if not ended_here or any(trial.key not in ended_here for trial in name_trials(self.study, self._home)):
            self._session.start()

    def _train_missing(self) -> "tuple[Plan, pd.DataFrame]":
        self._tracker = tracker = open_tracker(self._home.local)
        tracker.reconcile()
        recorded = tracker.load_trials()
        found = self._plan(recorded)
        # A claim is left although nothing is missing if the last sweep was killed before it closed its study.
        if self._feed(found, recorded).is_exhausted and not self._collector.has_claim:
            say(plan_summary(found))
            return found, recorded
        tracker.open_study(study_record(self.study))
        candidates = self._plan_of_all(found, recorded).todo
        if candidates:
            self._collector.claim(candidates)
        writer = TrackingWriter(tracker, self._journal)
        try:
            if self._replay(found, writer):
                recorded = tracker.load_trials()
                found = self._plan(recorded)
            say(plan_summary(found))
            self._train_all(found, recorded, writer, tracker)
        finally:
            self._undelivered = writer.close()
            report_undelivered(self._undelivered, "sweep")
        return found, tracker.load_trials()

    def _train_all(self, found: Plan, recorded: "pd.DataFrame", writer: TrackingWriter, tracker: "Tracker") -> None:
        """Train the missing trials, wait for those that other sweeps train, and train what they leave."""
        left, started = found, time.time()
        if self._metrics:
            self._metrics.watch_spool(lambda: writer.num_pending)
        quote: Quote | None = None
        while not (feed := self._feed(left, recorded)).is_exhausted:
            quote = quote or self._quote(left, recorded)
            elsewhere = self._train(left, feed, quote, writer)
            ended = self._ended | {trial.key for trial in elsewhere}
            self._interrupted = not feed.is_exhausted or any(trial.key not in ended for trial in left.todo)
            if self._interrupted or not elsewhere:
                break
            say(f"{len(elsewhere)} trials are trained by another sweep; waiting for them.")
            try:
                self._wait_for(elsewhere)
            except KeyboardInterrupt:
                self._interrupted = True
                break
            self._replay(left, writer)
            recorded = tracker.load_trials()
            left = self._plan(recorded)
            self.outcomes |= _recorded_outcomes(recorded, {trial.key for trial in elsewhere})
        if quote is not None and quote.forecast is not None:
            spent = seconds_spent(self._home / "trials", list(self.outcomes), started)
            actual = Actual(time.time() - started, held_hours(spent, quote.resources))
            say(comparison_line(quote.forecast, actual))

    def _feed(self, left: Plan, recorded: "pd.DataFrame") -> StageFeed | SeedFeed:
        there = existing_checkpoints(self._home)
        if self.options.auto is None:
            return StageFeed(left.todo, there, share=self.share, claim=self._claims.take)
        inner = StageFeed((), there, share=self.share, claim=self._claims.take)
        return SeedFeed(inner, self.study, left.trials[0].fingerprint, recorded, self.options.auto)

    def _quote(self, left: Plan, recorded: "pd.DataFrame") -> Quote:
        # A calibration run would delay the sweep by seconds; `plan` makes one.
        quote = make_quote(self._plan_of_all(left, recorded), home=self._home, capacity=self.capacity, max_probes=0)
        for line in quote_lines(quote, at_most=self.options.auto is not None):
            say(line)
        return quote

    def _plan_of_all(self, found: Plan, recorded: "pd.DataFrame") -> Plan:
        """Return the plan of every trial that may be trained."""
        if self.options.auto is None:
            return found
        study = replace(self.study, seeds=tuple(range(self.options.auto.rule.max_seeds)))
        return plan_study(study, self._home, recorded, share=self.share)

    def _train(self, left: Plan, feed: StageFeed | SeedFeed, quote: Quote, writer: TrackingWriter) -> list[Trial]:
        """Train the trials that no other sweep trains; return those that others train."""
        with StudyDisplay(console, left) as display:
            self._session.wait()
            # Ray takes seconds to import, and a sweep with nothing to train never needs it.
            from ftlab.workers.study_run import run_study

            recorder = TrialRecorder(self.study.results_name, writer, quote.hardware)
            listeners: list[StudyListener] = [recorder, display, Housekeeper(self._claims, self._collector)]
            if self._metrics:
                self._metrics.expect(left.num_todo, [trial.key for trial in left.reused], left.epochs_spared)
                listeners.append(self._metrics)
            self.outcomes |= run_study(
                feed,
                home=self._home,
                resources=quote.resources,
                max_slots=quote.packing.slots if quote.packing else None,
                listeners=listeners,
            )
        return feed.elsewhere

    def _wait_for(self, elsewhere: list[Trial]) -> None:
        while not self._claims.any_free(trial.key for trial in elsewhere):
            time.sleep(POLL_SECONDS)

    @property
    def _ended(self) -> set[str]:
        return {key for key, outcome in self.outcomes.items() if outcome.status.is_final}

    def _replay(self, found: Plan, writer: TrackingWriter) -> list[str]:
        return writer.replay([trial.key for trial in found.todo], self.study.results_name)

    def _plan(self, recorded: "pd.DataFrame") -> Plan:
        return plan_study(self.study, self._home, recorded, share=self.share)

    def _finish(self, found: Plan, recorded: "pd.DataFrame") -> int:
        folder = self.results / self.study.results_name
        made, paths = publish_table(
            self.study,
            found.trials,
            recorded,
            self._tracker,
            folder,
            self.options,
            command=sweep_command(self.study, self.options.auto),
        )
        print_table(made, folder, paths)
        settled = {key for key, outcome in self.outcomes.items() if is_settled(outcome.status, outcome.reason)}
        if self._collector.has_claim:
            close_study(
                open_tracker(self._home.local),
                found,
                made,
                folder,
                complete=not (self._interrupted or self._undelivered),
            )
            unsettled = [trial for trial in found.todo if trial.key not in settled]
            self._collector.claim(
                self._plan_of_all(self._plan(recorded), recorded).todo if self._interrupted else unsettled
            )
            self._collector.collect()
        if self._interrupted:
            say(f"Stopped. Finished work is kept; to continue: {sweep_command(self.study, self.options.auto)}")
            return INTERRUPTED
        failed = len(self._ended - settled)
        if failed:
            complain(f"{failed} trials failed; to try them again: {sweep_command(self.study, self.options.auto)}")
        return 1 if failed or self._undelivered else 0


def _recorded_outcomes(recorded: "pd.DataFrame", keys: set[str]) -> dict[str, Outcome]:
    rows = recorded[recorded["trial_key"].isin(keys)]
    found = {
        key: Outcome(TrialStatus(status), reason)
        for key, status, reason in zip(rows["trial_key"], rows["status"], rows["reason"], strict=True)
    }
    return {key: outcome for key, outcome in found.items() if is_settled(outcome.status, outcome.reason)}
