"""The search: evaluate the missing configurations, record and report them. Optuna and Ray are imported at use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import ftlab_home
from ftlab.engine.closing import page_lines, reporting_refusal
from ftlab.engine.exclusive import exclusive
from ftlab.engine.housekeeper import CheckpointKeeper
from ftlab.engine.study_session import StudySession
from ftlab.estimate.resource_plan import plan_resources
from ftlab.machine.capacity import Capacity
from ftlab.running.recorder import study_record
from ftlab.storage.atomic import require_writable
from ftlab.study.fingerprint import check_data
from ftlab.study.plan import make_plan
from ftlab.study.spec import Trial, expand_trials
from ftlab.terminal.console import INTERRUPTED, complain, report_refused, report_undelivered, say
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import search_command
from ftlab.terminal.search_listing import print_search
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import trials_frame
from ftlab.tracking.writer import TrackingWriter, undelivered_keys

if TYPE_CHECKING:
    from ftlab.search.ledger import SearchLedger
    from ftlab.search.scope import SearchSpec
    from ftlab.search.suggestion_feed import SearchFeed
    from ftlab.tracking.tracker import Tracker


@dataclass(frozen=True)
class SearchWorkload:
    """The most trials that a search will train, for the display; see `ftlab.terminal.study_progress.Workload`.

    Attributes:
        metric: Metric whose value is shown.
        num_todo: Number of trials.
        epochs_a_trial: Length of a trial, unless the search varies it.
        num_done: Number of trials that were evaluated before.
        start_epochs: Epoch that a trial starts from, by trial key.
    """

    metric: str
    num_todo: int
    epochs_a_trial: int
    num_done: int = 0
    start_epochs: Mapping[str, int] = field(default_factory=dict)

    @property
    def epochs_left(self) -> int:
        """Epochs to train; early stopping saves some, and trials may be shorter or longer."""
        return self.num_todo * self.epochs_a_trial

    def epochs_counted(self, trial: Trial) -> int:  # noqa: ARG002 - the same for all
        """Return the number of epochs that ``epochs_left`` assumes for a trial."""
        return self.epochs_a_trial


def run_search(spec: "SearchSpec", capacity: Capacity, results: Path) -> int:
    """Evaluate the configurations that a search lacks, record them, write and print the report; return the exit status.

    Args:
        spec: The search.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.

    Raises:
        FtlabError: Another process runs the same search, or something that it needs is wrong.
    """
    from ftlab.search.ledger import SearchLedger
    from ftlab.search.results import close_search, make_report, write_search_results
    from ftlab.search.storage import open_storage, storage_uri

    require_writable(results / spec.name)
    home = ftlab_home()
    with exclusive(home, spec.study), StudySession(spec.study, capacity, home) as session:
        with phase("reading the images"):
            data = check_data(spec.study.data, spec.examples, home)
        fingerprint = data.fingerprint
        for note in data.notes:
            say(note)
        ledger = SearchLedger(spec, fingerprint, open_storage(storage_uri(home.local)))
        # Ray starts while the tracking store is opened.
        if len(ledger.evaluated) < spec.num_trials:
            session.ray.start()
        try:
            with phase("opening the tracking store"):
                tracker = open_tracker(home.local)
                tracker.reconcile()
                tracker.open_study(study_record(spec.study))
            feed, is_stored = _evaluate_missing(spec, fingerprint, ledger, tracker, session)
        finally:
            with phase("ending Ray"):
                session.ray.stop()
        with phase("writing the results"):
            report = make_report(spec, ledger, tracker.load_trials())
            paths = write_search_results(spec, report, results / spec.name)
        with phase("attaching the results to the search's run"), reporting_refusal() as refusal:
            close_search(tracker, spec, report, results / spec.name, complete=feed.is_complete and is_stored)
        if feed.is_complete:
            session.collector.claim([])
            session.collector.collect()
        # Last: what is printed may find no reader.
        print_search(report, results / spec.name, paths)
        for link in page_lines(tracker, spec.study):
            say(*link)
        return _say_how_to_go_on(spec, feed, results) or int(bool(refusal) or not is_stored)


def _evaluate_missing(
    spec: "SearchSpec", fingerprint: str, ledger: "SearchLedger", tracker: "Tracker", session: StudySession
) -> "tuple[SearchFeed, bool]":
    """Train what is missing; return the feed, and whether the store has every record and file."""
    from ftlab.search.recorded import RecordedTrials
    from ftlab.search.suggestion_feed import SearchFeed, num_devices

    writer = TrackingWriter(tracker, session.journal)
    try:
        # Only the journal knows the trials that a killed process finished, and what the store did not take.
        writer.replay(undelivered_keys(ledger.trial_keys, tracker.load_trials()), spec.name)
        recorded = RecordedTrials(
            session.journal,
            tracker.load_trials(),
            study=spec.name,
            metric=spec.study.metric,
            devices=num_devices(spec.study.profile.resources),
        )
        feed = SearchFeed(spec, fingerprint, ledger, recorded, claim=session.claims.take)
        say(f"{spec.num_trials} configurations: {len(ledger.evaluated)} evaluated, {feed.num_left} to evaluate")
        if not feed.is_exhausted:
            _train(spec, fingerprint, ledger, feed, session, writer)
    finally:
        with phase("bringing the last records to the tracking store"):
            undelivered = writer.close()
        report_undelivered(undelivered, "search")
        report_refused(writer.refused, "search")
    if feed.num_answered:
        say(f"{feed.num_answered} trials were recorded already and are not trained again")
    return feed, not (undelivered or writer.refused)


def _train(
    spec: "SearchSpec",
    fingerprint: str,
    ledger: "SearchLedger",
    feed: "SearchFeed",
    session: StudySession,
    writer: TrackingWriter,
) -> None:
    # The first known configuration decides how trials share the machine.
    example = make_plan(spec.study, expand_trials(spec.study, fingerprint), trials_frame([]), frozenset())
    plan = plan_resources(example, home=session.home, capacity=session.ray.capacity, max_calibrations=0)
    num_trials = feed.num_left * len(spec.study.seeds)
    if session.metrics:
        session.metrics.watch_spool(lambda: writer.num_pending)
        session.metrics.expect(num_trials)
    num_done = len(ledger.evaluated) * len(spec.study.seeds)
    work = SearchWorkload(spec.study.metric, num_trials, spec.study.cells[0].config.train.epochs, num_done)
    keepers = [CheckpointKeeper(session.collector)]
    known = {trial.name: [trial.value] for trial in ledger.rows() if trial.is_result}
    session.train(feed, plan, work, writer, listeners=keepers, early_stopping=spec.early_stopping, known=known)


def _say_how_to_go_on(spec: "SearchSpec", feed: "SearchFeed", results: Path) -> int:
    command = search_command(spec.study, spec.num_trials, results)
    if not feed.is_complete:
        say("Stopped. Finished work is kept; to continue:", command)
        return INTERRUPTED
    if feed.num_accidents:
        complain(f"{feed.num_accidents} trials failed; to try them again:", command)
        return 1
    if feed.is_used_up:
        say(f"The space is used up: the sampler found nothing new, and {feed.num_left} configurations are missing.")
    return 0
