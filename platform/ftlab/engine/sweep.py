"""The sweep: train the trials that a table still lacks, record them, write the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import ftlab_home
from ftlab.engine.backbone_room import trim
from ftlab.engine.closing import close_study, page_lines, reporting_refusal
from ftlab.engine.exclusive import exclusive
from ftlab.engine.judging.floor_work import judged_beside, missing_floors
from ftlab.engine.last_sweep import LastSweep, Shown
from ftlab.engine.study_session import StudySession
from ftlab.engine.sweep_planner import SweepPlanner
from ftlab.engine.sweep_training import SweepTraining
from ftlab.machine.capacity import Capacity
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.running.recorder import study_record
from ftlab.storage.atomic import require_writable
from ftlab.study.floors import find_floors
from ftlab.study.plan import Plan, is_settled
from ftlab.study.spec import StudySpec
from ftlab.terminal.console import INTERRUPTED, complain, report_refused, report_undelivered, say
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import plan_summary, sweep_command
from ftlab.terminal.table_listing import TableListing, list_table, print_listing
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import Outcome
from ftlab.tracking.tracker import Tracker
from ftlab.tracking.writer import TrackingWriter

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker


@dataclass(frozen=True)
class Trained:
    """The state of a study after its training.

    Attributes:
        plan: The plan that was carried out.
        recorded: The trials in the tracking store.
        outcomes: Outcomes of the trials that ended meanwhile, by trial key.
        interrupted: Whether trials were left untrained.
        undelivered: Keys of trials whose records wait in the journal.
        lacks_files: Whether the store refused files of trials.
        is_open: Whether the study is open in the store.
    """

    plan: Plan
    recorded: "pd.DataFrame"
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    interrupted: bool = False
    undelivered: Sequence[str] = ()
    lacks_files: bool = False
    is_open: bool = False

    @property
    def settled(self) -> set[str]:
        """Keys of trials that need no more training."""
        return {key for key, outcome in self.outcomes.items() if is_settled(outcome.status, outcome.reason)}

    @property
    def num_failed(self) -> int:
        """Number of trials that failed by an accident."""
        return sum(outcome.status.is_final for outcome in self.outcomes.values()) - len(self.settled)


def run_sweep(study: StudySpec, capacity: Capacity, results: Path, options: TableOptions, *, share: bool) -> int:
    """Train the trials that a study lacks, record them, write and print its table; return the exit status.

    Args:
        study: The study to sweep.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.
        options: Options of the table; with ``auto`` it gets more seeds where they matter.
        share: Whether trials share prefixes.

    Raises:
        FtlabError: Another process sweeps the same study, or something that the sweep needs is wrong.
    """
    folder, home = results / study.results_name, ftlab_home()
    require_writable(folder)
    last = LastSweep(study, options, folder, home)
    planner = SweepPlanner(study, home, options.auto, share)
    with exclusive(home, study), last.heard.listening(), StudySession(study, capacity, home) as session:
        # Ray starts while the data set is decoded and the tracking store is opened.
        with phase("reading the images and the journal"):
            is_complete = planner.seems_complete(session.journal)
        if not is_complete:
            session.ray.start()
        with phase("opening the tracking store"):
            tracker = open_tracker(home.local)
            tracker.reconcile()
        try:
            trained = _train_missing(session, planner, tracker)
        finally:
            with phase("ending Ray"):
                session.ray.stop()
        return _finish(session, planner, tracker, trained, last)


def _train_missing(session: StudySession, planner: SweepPlanner, tracker: Tracker) -> Trained:
    with phase("planning: reading the images and the recorded trials"):
        recorded = tracker.load_trials()
        found = planner.plan(recorded)
    for note in found.data_notes:
        say(note)
    wanted = planner.plan_of_all(found, recorded)
    # Before anything is trained: no other sweep deletes what this table refers to.
    KeptBackbones(session.home).refer(session.study.results_name, (trial.pretraining_key for trial in wanted.trials))
    # A claim is left although nothing is missing if the last sweep was killed before it closed its study. An older
    # ftlab, and a migration, leave a study without the rows that it shares with others.
    floors = missing_floors(find_floors(session.study, found.trials[0].fingerprint), session.home)
    shown = {trial.key: trial.cell for trial in found.reused}
    is_closed = not session.collector.has_claim and not _is_deleted(session.study, tracker, recorded)
    is_closed = is_closed and tracker.shows_rows(session.study.results_name, shown)
    if planner.feed(found, recorded, session.claims.take).is_exhausted and is_closed:
        say(plan_summary(found))
        with judged_beside(floors, session):
            return Trained(found, recorded)
    tracker.open_study(study_record(session.study))
    if wanted.todo or not session.collector.has_claim:
        session.collector.claim(wanted.todo or found.trials[:1])
    tracker.show_rows(session.study.results_name, shown)
    writer = TrackingWriter(tracker, session.journal)
    training = SweepTraining(session, planner, tracker, writer)
    try:
        if training.replay(found, recorded):
            recorded = tracker.load_trials()
            found = planner.plan(recorded)
        say(plan_summary(found))
        with judged_beside(floors, session, lambda: training.interrupted):
            training.run(found, recorded)
    finally:
        with phase("bringing the last records to the tracking store"):
            undelivered = writer.close()
        report_undelivered(undelivered, "sweep")
        report_refused(writer.refused, "sweep")
    return Trained(
        found, tracker.load_trials(), training.outcomes, training.interrupted, undelivered, bool(writer.refused), True
    )


def _is_deleted(study: StudySpec, tracker: Tracker, recorded: "pd.DataFrame") -> bool:
    """Return whether the store has trials of a study, but not the study."""
    return study.results_name in set(recorded["study"]) and not tracker.has_study(study.results_name)


def _finish(
    session: StudySession,
    planner: SweepPlanner,
    tracker: "MlflowTracker",
    trained: Trained,
    last: LastSweep,
) -> int:
    study, plan, recorded = session.study, trained.plan, trained.recorded
    folder, options = last.folder, last.options
    command = sweep_command(study, options.auto)
    with phase("writing the table and its figures"):
        table, paths = publish_table(
            study, plan.trials, recorded, tracker, folder, options, home=session.home, command=command
        )
    is_stored = not trained.lacks_files
    if trained.is_open:
        complete = not (trained.interrupted or trained.undelivered)
        with phase("attaching the table to the study's run"), reporting_refusal() as refusal:
            close_study(open_tracker(session.home.local), plan, table, folder, complete=complete)
        is_stored = is_stored and not refusal
        if trained.interrupted:
            unfinished = list(planner.plan_of_all(planner.plan(recorded), recorded).todo)
        else:
            unfinished = [trial for trial in plan.todo if trial.key not in trained.settled]
        # While the store lacks something, a claim is left, so that the next sweep brings it.
        if unfinished or is_stored:
            session.collector.claim(unfinished)
        session.collector.collect()
        trim(session.home)
    # Where the table lies is no part of its provenance.
    to_continue = sweep_command(study, options.auto, folder.parents[1])
    # Last: what is printed may find no reader.
    listing, links = list_table(table, folder, paths), page_lines(tracker, study)
    print_listing(listing)
    for link in links:
        say(*link)
    if trained.interrupted:
        say("Stopped. Finished work is kept; to continue:", to_continue)
        return INTERRUPTED
    if trained.num_failed:
        complain(f"{trained.num_failed} trials failed; to try them again:", to_continue)
    if trained.num_failed or trained.undelivered or not is_stored:
        return 1
    _keep(last, session, planner, tracker, recorded, listing, links, paths)
    return 0


def _keep(
    last: LastSweep,
    session: StudySession,
    planner: SweepPlanner,
    tracker: Tracker,
    recorded: "pd.DataFrame",
    listing: TableListing,
    links: tuple[tuple[str, str], ...],
    paths: Sequence[Path],
) -> None:
    """Keep what the next sweep shows if nothing changes until then, and it finds nothing to do."""
    now = tracker.load_trials()
    found = planner.plan(now)
    # Another process may have recorded something while the table was written.
    if found.todo or not now.equals(recorded):
        return
    if not missing_floors(find_floors(session.study, found.trials[0].fingerprint), session.home):
        last.keep(Shown((*found.data_notes, plan_summary(found)), listing, links), paths)
