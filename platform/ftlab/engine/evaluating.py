"""Evaluate a study's kept backbones on other images, and write the table over tasks; nothing is trained."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ftlab.config.home import Home, ftlab_home
from ftlab.engine.closing import reporting_refusal
from ftlab.engine.judging.evaluation_plan import Evaluation, plan_judging
from ftlab.engine.judging.evaluation_records import EvaluationRecords
from ftlab.engine.study_session import STARTING_RAY
from ftlab.errors import TrackingError
from ftlab.estimate.judging_costs import judging_hardware, keep_judging_costs
from ftlab.estimate.resource_plan import resources_within
from ftlab.machine.capacity import Capacity
from ftlab.machine.hardware import Hardware
from ftlab.running.floor_records import FloorRecord
from ftlab.storage.atomic import require_writable
from ftlab.study.spec import StudySpec, Trial
from ftlab.study.transfer import AnyTransfer
from ftlab.terminal.console import INTERRUPTED, complain, say
from ftlab.terminal.phase import phase
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracker import Tracker
from ftlab.workers.session import RaySession

Judge = Callable[[Sequence[AnyTransfer], Home], Iterator[tuple[AnyTransfer, FloorRecord | str]]]


def run_evaluation(
    study: StudySpec,
    places: Sequence[str],
    capacity: Capacity,
    results: Path,
    judge: Judge | None = None,
    tracker: Tracker | None = None,
    *,
    dry_run: bool = False,
    retrain: bool = False,
) -> int:
    """Judge what is not judged yet, record it, write and print the table over tasks; return the exit status.

    Args:
        study: The study.
        places: Images to judge on.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.
        judge: Judges transfers; None: tasks of Ray.
        tracker: The tracking store; None: that of the environment.
        dry_run: Whether the plan is all that is wanted.
        retrain: Whether recorded trials without a backbone are trained again first.

    Raises:
        ConfigError: A place is none, or two have the same name.
        TrackingError: The store cannot be reached.
    """
    require_writable(results / study.results_name)
    home, resources = ftlab_home(), resources_within(capacity, study.profile.resources)
    with phase("reading the images, the kept backbones and the tracking store"):
        tracker = tracker or open_tracker(home.local)
        tracker.reconcile()
        plan = plan_judging(study, places, capacity, home, tracker)
    if retrain and not dry_run and plan.lost:
        _train_again(plan.lost, tracker, home)
        plan = plan_judging(study, places, capacity, home, tracker)
    found, todo, records = plan.found, plan.todo, plan.records
    _say_all(plan.lines() if dry_run else plan.summary())
    status = 1 if found.refused else 0
    if dry_run:
        return status
    seconds: list[tuple[AnyTransfer, float]] = []
    try:
        status |= _judge_all(todo, records, home, judge or _with_ray(study, capacity), seconds)
    except KeyboardInterrupt:
        say("Stopped. What was judged is kept; the same command goes on.")
        status = INTERRUPTED
    keep_judging_costs(seconds, home=home, capacity=capacity, resources=resources)
    if found.all_transfers:
        hardware, _ = judging_hardware(capacity, resources)
        refusal = _deliver(found, records, hardware)
        status = status or refusal
        _publish(study, found, records, results / study.results_name, complete=not status)
    return status


def _train_again(trials: Sequence[Trial], tracker: Tracker, home: Home) -> None:
    """Train recorded trials again, which keeps their backbones and changes no record."""
    from ftlab.running.final_state import retrain
    from ftlab.study.recorded_trial import find_recorded

    recorded = tracker.load_trials()
    for trial in trials:
        say(f"training {trial.name} again, {trial.epochs} epochs, because its backbone is not kept")
        retrain(find_recorded(recorded, trial.key), home, lambda _: None)


def _say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _deliver(found: Evaluation, records: EvaluationRecords, hardware: Hardware) -> int:
    try:
        records.deliver(found.transfers, hardware)
    except TrackingError as error:
        complain(f"What was judged is kept, but not all of it could be recorded; the same command goes on: {error}")
        return 1
    return 0


def _judge_all(
    todo: Sequence[AnyTransfer],
    records: EvaluationRecords,
    home: Home,
    judge: Judge,
    seconds: list[tuple[AnyTransfer, float]],
) -> int:
    """Judge transfers and keep what is found, and the seconds of each; return 1 if any could not be judged."""
    failed = 0
    for transfer, result in judge(todo, home) if todo else ():
        if isinstance(result, str):
            failed = 1
            complain(f"{transfer.name} could not be judged: {result}")
        else:
            records.save(transfer.key, result)
            if result.seconds is not None:
                seconds.append((transfer, result.seconds))
    return failed


def _with_ray(study: StudySpec, capacity: Capacity) -> Judge:
    def judge(transfers: Sequence[AnyTransfer], home: Home) -> Iterator[tuple[AnyTransfer, FloorRecord | str]]:
        session = RaySession(capacity)
        try:
            with phase(STARTING_RAY):
                session.wait()
                # Ray takes seconds to import, and a command with nothing to judge never needs it.
                from ftlab.workers.judging_tasks import judge_in_tasks

            yield from judge_in_tasks(transfers, home, resources_within(capacity, study.profile.resources))
        finally:
            session.stop()

    return judge


def _publish(study: StudySpec, found: Evaluation, records: EvaluationRecords, folder: Path, *, complete: bool) -> None:
    from ftlab.engine.judging.task_trace import trace_tasks
    from ftlab.publish.task_files import write_tasks
    from ftlab.reporting.writers.task_writer import render_tasks

    files = render_tasks(write_tasks(trace_tasks(study, found, records), folder))
    with reporting_refusal():
        records.close(files["transfer.md"], files, complete=complete)
    # Last: what is printed may find no reader.
    _say_all(files["transfer.md"].splitlines())
    say(f"{folder}: {', '.join(files)}")
