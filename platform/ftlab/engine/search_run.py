"""The search: evaluate the missing configurations, record and report them. Optuna and Ray are imported at use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markdown import Markdown

from ftlab.config.home import ftlab_home
from ftlab.engine.housekeeper import CheckpointKeeper, Housekeeper
from ftlab.estimate.quote import Quote, make_quote
from ftlab.machine.capacity import Capacity
from ftlab.running.checkpoints import CheckpointCollector
from ftlab.running.claims import TrialClaims
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.study.fingerprint import fingerprint_data
from ftlab.study.plan import make_plan
from ftlab.study.spec import Trial, expand_trials
from ftlab.terminal.console import INTERRUPTED, complain, console, report_undelivered, say
from ftlab.terminal.plan_listing import search_command
from ftlab.terminal.study_display import StudyDisplay
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import trials_frame
from ftlab.tracking.writer import TrackingWriter
from ftlab.workers.session import RaySession

if TYPE_CHECKING:
    from ftlab.reporting.search.findings import SearchReport
    from ftlab.running.listener import StudyListener
    from ftlab.search.ledger import SearchLedger
    from ftlab.search.scope import SearchSpec
    from ftlab.search.suggestion_feed import SearchFeed
    from ftlab.tracking.tracker import Tracker
    from ftlab.workers.metrics import StudyMetrics


@dataclass(frozen=True)
class SearchWorkload:
    """The most trials that a search will train, for the display; see `ftlab.terminal.study_display.Workload`.

    Attributes:
        metric: Metric whose value is shown.
        num_todo: Number of trials.
        epochs_a_trial: Length of a trial, unless the search varies it.
        start_epochs: Epoch that a trial starts from, by trial key.
    """

    metric: str
    num_todo: int
    epochs_a_trial: int
    start_epochs: Mapping[str, int] = field(default_factory=dict)

    @property
    def epochs_left(self) -> int:
        """Epochs to train; early stopping saves some, and trials may be shorter or longer."""
        return self.num_todo * self.epochs_a_trial

    def epochs_counted(self, trial: Trial) -> int:  # noqa: ARG002 - the same for all
        """Return the number of epochs that ``epochs_left`` assumes for a trial."""
        return self.epochs_a_trial


def run_search(spec: "SearchSpec", capacity: Capacity, results: Path, metrics: "StudyMetrics | None") -> int:
    """Evaluate the configurations that a search lacks, record them, write and print the report; return the exit status.

    Args:
        spec: The search.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.
        metrics: Told of every trial; None without metrics.
    """
    from ftlab.search.ledger import SearchLedger
    from ftlab.search.results import close_search, make_report
    from ftlab.search.storage import open_storage, storage_uri

    home = ftlab_home()
    fingerprint = fingerprint_data(spec.study.data, spec.examples, home)
    ledger = SearchLedger(spec, fingerprint, open_storage(storage_uri(home.local)))
    session, collector = RaySession(capacity), CheckpointCollector(home, spec.name)
    try:
        # Ray starts while the tracking store is opened.
        if len(ledger.evaluated) < spec.num_trials:
            session.start()
        tracker = open_tracker(home.local)
        tracker.reconcile()
        tracker.open_study(study_record(spec.study))
        feed = _evaluate_missing(spec, fingerprint, ledger, tracker, session, collector, metrics)
    finally:
        session.stop()
    report = make_report(spec, ledger, tracker.load_trials())
    _print_report(spec, report, results)
    close_search(tracker, spec, report, results / spec.name, complete=feed.is_complete)
    if feed.is_complete:
        collector.claim([])
        collector.collect()
    return _say_how_to_go_on(spec, feed)


def _evaluate_missing(
    spec: "SearchSpec",
    fingerprint: str,
    ledger: "SearchLedger",
    tracker: "Tracker",
    session: RaySession,
    collector: CheckpointCollector,
    metrics: "StudyMetrics | None",
) -> "SearchFeed":
    from ftlab.search.recorded import RecordedTrials
    from ftlab.search.suggestion_feed import SearchFeed, num_devices

    home = ftlab_home()
    journal = Journal(home / "trials")
    writer = TrackingWriter(tracker, journal)
    try:
        # Only its journal knows the trials that a killed process finished.
        writer.replay(ledger.unfinished_keys, spec.name)
        recorded = RecordedTrials(
            journal,
            tracker.load_trials(),
            study=spec.name,
            metric=spec.study.metric,
            devices=num_devices(spec.study.profile.resources),
        )
        with TrialClaims(home / "locks", journal) as claims:
            feed = SearchFeed(spec, fingerprint, ledger, recorded, claim=claims.take)
            say(f"{spec.num_trials} configurations: {len(ledger.evaluated)} evaluated, {feed.num_left} to evaluate")
            if not feed.is_exhausted:
                quote = _quote(spec, fingerprint, session.capacity)
                recorder = TrialRecorder(spec.name, writer, quote.hardware)
                keepers = (Housekeeper(claims, collector), CheckpointKeeper(collector))
                if metrics:
                    metrics.watch_spool(lambda: writer.num_pending)
                    metrics.expect(feed.num_left * len(spec.study.seeds))
                _train(spec, feed, quote, session, (recorder, *keepers, *([metrics] if metrics else ())))
    finally:
        report_undelivered(writer.close(), "search")
    if feed.num_answered:
        say(f"{feed.num_answered} trials were recorded already and are not trained again")
    return feed


def _quote(spec: "SearchSpec", fingerprint: str, capacity: Capacity) -> Quote:
    """Decide from the first known configuration how trials share the machine."""
    example = make_plan(spec.study, expand_trials(spec.study, fingerprint), trials_frame([]), frozenset())
    return make_quote(example, home=ftlab_home(), capacity=capacity, max_probes=0)


def _train(
    spec: "SearchSpec",
    feed: "SearchFeed",
    quote: Quote,
    session: RaySession,
    listeners: "tuple[StudyListener, ...]",
) -> None:

    num_trials = feed.num_left * len(spec.study.seeds)
    work = SearchWorkload(spec.study.metric, num_trials, spec.study.cells[0].config.train.epochs)
    with StudyDisplay(console, work) as display:
        session.wait()
        # Ray takes seconds to import.
        from ftlab.workers.study_run import run_study

        run_study(
            feed,
            home=ftlab_home(),
            resources=quote.resources,
            max_slots=quote.packing.slots if quote.packing else None,
            listeners=[*listeners, display],
            early_stopping=spec.early_stopping,
        )


def _print_report(spec: "SearchSpec", report: "SearchReport", results: Path) -> None:
    from ftlab.reporting.search.tables import search_md
    from ftlab.search.results import write_search_results

    paths = write_search_results(spec, report, results / spec.name)
    console.print(Markdown(search_md(report)))
    say(f"{results / spec.name}: {', '.join(path.name for path in paths)}")


def _say_how_to_go_on(spec: "SearchSpec", feed: "SearchFeed") -> int:
    command = search_command(spec.study, spec.num_trials)
    if not feed.is_complete:
        say(f"Stopped. Finished work is kept; to continue: {command}")
        return INTERRUPTED
    if feed.num_accidents:
        complain(f"{feed.num_accidents} trials failed; to try them again: {command}")
        return 1
    if feed.is_used_up:
        say(f"The space is used up: the sampler found nothing new, and {feed.num_left} configurations are missing.")
    return 0
