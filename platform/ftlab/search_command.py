"""The commands of searches: search and optuna-ui. Optuna, MLflow and Ray are imported at use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown

from ftlab.config.home import ftlab_home
from ftlab.config.loading import parse_overrides
from ftlab.console import complain, console, report_undelivered, say
from ftlab.display import StudyDisplay
from ftlab.options import INTERRUPTED, RESULTS, Cpus, Gpus, Overrides, Profile, Results
from ftlab.plan_listing import search_command
from ftlab.reporting.atomic import require_writable
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracker import trials_frame
from ftlab.tracking.writer import TrackingWriter
from ftlab.tuning.checkpoint_keeper import CheckpointKeeper
from ftlab.tuning.checkpoints import CheckpointCollector
from ftlab.tuning.claims import TrialClaims
from ftlab.tuning.fingerprint import fingerprint_data
from ftlab.tuning.metrics_server import serve_metrics
from ftlab.tuning.plan import make_plan
from ftlab.tuning.quote import Quote, make_quote
from ftlab.tuning.recorder import TrialRecorder
from ftlab.tuning.session import Capacity, RaySession
from ftlab.tuning.spec import expand_trials
from ftlab.tuning.sweep import Housekeeper, exclusive, study_record

if TYPE_CHECKING:
    from ftlab.reporting.search import SearchReport
    from ftlab.tracking.tracker import Tracker
    from ftlab.tuning.listener import StudyListener
    from ftlab.tuning.metrics import StudyMetrics
    from ftlab.tuning.search.feed import SearchFeed
    from ftlab.tuning.search.ledger import SearchLedger
    from ftlab.tuning.search.spec import SearchSpec

app = typer.Typer()

Search = Annotated[
    str, typer.Argument(help="Name of a search: a file in experiments/ that holds a space, without .yaml.")
]
Trials = Annotated[int | None, typer.Option(help="Configurations to evaluate; by default the search's number.")]


@app.command()
def search(
    search: Search,
    profile: Profile = "digits",
    trials: Trials = None,
    overrides: Overrides = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    results: Results = RESULTS,
) -> None:
    """Search for the best settings, or continue a search, then write and print the results."""
    from ftlab.tuning.search.spec import load_search_spec

    spec = load_search_spec(search, profile, num_trials=trials, overrides=parse_overrides(overrides or []))
    require_writable(results / spec.name)
    with exclusive(ftlab_home(), spec.study), serve_metrics(spec.study.experiment) as metrics:
        status = _search(spec, Capacity(cpus, gpus), results, metrics)
    raise typer.Exit(status)


@app.command(name="optuna-ui")
def optuna_ui(
    search: Annotated[str | None, typer.Argument(help="Search to link to.")] = None, port: int = 8080
) -> None:
    """Serve optuna-dashboard on 127.0.0.1 until Ctrl-C, and print the link to the search."""
    from ftlab.tuning.search.dashboard import HOST, dashboard_path, make_dashboard
    from ftlab.tuning.search.storage import open_storage, storage_uri

    storage = open_storage(storage_uri(ftlab_home().local))
    with make_dashboard(storage, port) as server:
        console.print(f"http://{HOST}:{server.server_port}{dashboard_path(storage, search)}", soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _search(spec: "SearchSpec", capacity: Capacity, results: Path, metrics: "StudyMetrics | None") -> int:
    from ftlab.tuning.search.ledger import SearchLedger
    from ftlab.tuning.search.results import close_search, make_report
    from ftlab.tuning.search.storage import open_storage, storage_uri

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
    from ftlab.tuning.search.feed import SearchFeed, num_devices
    from ftlab.tuning.search.recorded import RecordedTrials

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
    from ftlab.tuning.search.workload import SearchWorkload

    num_trials = feed.num_left * len(spec.study.seeds)
    work = SearchWorkload(spec.study.metric, num_trials, spec.study.cells[0].config.train.epochs)
    with StudyDisplay(console, work) as display:
        session.wait()
        # Ray takes seconds to import.
        from ftlab.tuning.study import run_study

        run_study(
            feed,
            home=ftlab_home(),
            resources=quote.resources,
            max_slots=quote.packing.slots if quote.packing else None,
            listeners=[*listeners, display],
            early_stopping=spec.early_stopping,
        )


def _print_report(spec: "SearchSpec", report: "SearchReport", results: Path) -> None:
    from ftlab.reporting.search_tables import search_md
    from ftlab.tuning.search.results import write_search_results

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
