"""Evaluate a study's kept backbones on other images, and write the table over tasks; nothing is trained."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import Home, ftlab_home
from ftlab.config.weights_file import WeightsConfig
from ftlab.engine.closing import reporting_refusal
from ftlab.engine.judging.evaluation_records import EvaluationRecords
from ftlab.engine.planning import name_trials
from ftlab.engine.study_session import STARTING_RAY
from ftlab.errors import FtlabError, TrackingError
from ftlab.estimate.judging_costs import JudgingEstimate, estimate_judging, judging_hardware, keep_judging_costs
from ftlab.estimate.resource_plan import resources_within
from ftlab.machine.capacity import Capacity
from ftlab.machine.hardware import Hardware
from ftlab.publish.published_tasks import PublishedTasks, load_published_tasks
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.running.floor_records import FloorRecord
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.storage.atomic import require_writable
from ftlab.study.spec import StudySpec, Trial
from ftlab.study.transfer import (
    PROTOCOL,
    AnyTransfer,
    WeightsTransfer,
    asked_of,
    check_images,
    check_places,
    check_weights,
    data_of,
    make_transfer,
    parse_place,
    seen_by_weights,
    task_columns,
    task_name,
)
from ftlab.terminal.console import INTERRUPTED, complain, say
from ftlab.terminal.evaluation_listing import evaluation_lines, evaluation_summary, missing_lines
from ftlab.terminal.phase import phase
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracker import Tracker
from ftlab.training.evaluation.probe_metrics import optional_probes
from ftlab.workers.session import RaySession

if TYPE_CHECKING:
    from ftlab.reporting.trace.task_provenance import TaskProvenance
    from ftlab.running.transfer.weights_reader import ReadWeights

Judge = Callable[[Sequence[AnyTransfer], Home], Iterator[tuple[AnyTransfer, FloorRecord | str]]]


@dataclass(frozen=True)
class Evaluation:
    """The evaluations of a study on other images.

    Attributes:
        transfers: Those of trials whose backbones are kept, or that were judged before, and of weights made elsewhere,
            by the name of the task.
        missing: The other trials: their backbones are not kept.
        refused: The reason for each task whose images cannot be used.
        notes: Lines on the weights made elsewhere, below the table.
        published: Published accuracies beside them.
    """

    transfers: Mapping[str, Sequence[AnyTransfer]]
    missing: Sequence[Trial]
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    published: PublishedTasks = field(default_factory=PublishedTasks)

    @property
    def all_transfers(self) -> list[AnyTransfer]:
        """The evaluations of all tasks."""
        return [transfer for transfers in self.transfers.values() for transfer in transfers]


def plan_evaluation(
    study: StudySpec, places: Sequence[str], home: Home, known: Callable[[str], object] = lambda _: None
) -> Evaluation:
    """Return the evaluations of a study; images that cannot be used are refused alone.

    Args:
        study: The study.
        places: Images to judge on, see `ftlab.study.transfer.data_of`.
        home: Home of kept backbones, data sets and the cache.
        known: Returns the findings of a transfer by its key, or None; what was judged needs no backbone any more.

    Raises:
        ConfigError: A place is none, two places or rows have the same name, or weights are not what they should be.
        CheckpointError: A file of weights made elsewhere cannot be used.
    """
    check_places(places, (study.metric, *study.other_metrics))
    check_weights(study)
    made_elsewhere = _read(study.weights)
    data = {place: data_of(place, study.cells[0].config) for place in places}
    published = load_published_tasks(study)
    kept, trials = KeptBackbones(home).keys(), name_trials(study, home)
    judged = [trial for trial in trials if trial.pretraining_key in kept]
    transfers: dict[str, list[AnyTransfer]] = {}
    refused: dict[str, str] = {}
    missing: dict[str, Trial] = {}
    for place, images in data.items():
        try:
            fingerprint = check_images(images, [asked_of(trial, place).config for trial in judged], home)
            beside = [_on(place, read, study, home) for read in made_elsewhere]
        except FtlabError as error:
            refused[task_name(place)] = str(error)
            continue
        asked = [make_transfer(asked_of(trial, place), images, fingerprint) for trial in trials]
        there = {one.key: one for one in asked if one.trial.pretraining_key in kept or known(one.key) is not None}
        transfers[task_name(place)] = [*there.values(), *beside]
        missing |= {one.trial.key: one.trial for one in asked if one.key not in there}
    return Evaluation(transfers, list(missing.values()), refused, [read.note for read in made_elsewhere], published)


def _read(weights: Sequence[WeightsConfig]) -> "list[ReadWeights]":
    if not weights:
        return []
    # It imports torch, without which kept backbones are planned.
    from ftlab.running.transfer.weights_reader import read_weights

    return [read_weights(one) for one in weights]


def _on(place: str, read: "ReadWeights", study: StudySpec, home: Home) -> WeightsTransfer:
    config = seen_by_weights(read.config, place, study.cells[0].config)
    return read.on(config, check_images(config.data, [config], home))


@dataclass(frozen=True)
class JudgingPlan:
    """The evaluations of a study on other images that are there, and those that are to be judged.

    Attributes:
        found: All of them.
        records: Findings of those that were judged before.
        todo: Those to judge.
        estimate: Their price; None without an estimate.
        trained: Keys of recorded trials.
    """

    found: Evaluation
    records: EvaluationRecords
    todo: Sequence[AnyTransfer]
    estimate: JudgingEstimate | None
    trained: Set[str]

    @property
    def lost(self) -> list[Trial]:
        """Recorded trials whose backbones are not kept."""
        return [trial for trial in self.found.missing if trial.key in self.trained]

    def lines(self) -> list[str]:
        """Return a line per evaluation, then the summary."""
        keys = {transfer.key for transfer in self.todo}
        return [*evaluation_lines(self.found.transfers, keys, self.found.missing, self.estimate), *self.summary()]

    def summary(self) -> list[str]:
        """Return lines that count evaluations, estimate what is to be judged, and name what cannot be."""
        return [
            *self.found.notes,
            *evaluation_summary(len(self.found.all_transfers), len(self.todo), self.estimate),
            *missing_lines(self.found.missing, self.trained),
            *(f"{task} is left out: {reason}" for task, reason in self.found.refused.items()),
        ]


def plan_judging(
    study: StudySpec, places: Sequence[str], capacity: Capacity, home: Home, tracker: Tracker
) -> JudgingPlan:
    """Return what is judged and what is to be judged of a study's evaluations on other images.

    Args:
        study: The study.
        places: Images to judge on.
        capacity: The part of this machine that may be used.
        home: Home of kept backbones, data sets and the cache.
        tracker: The tracking store.

    Raises:
        ConfigError: A place is none, or two have the same name.
    """
    records = EvaluationRecords(study, home, tracker)
    found = plan_evaluation(study, places, home, records.load)
    todo = [one for one in found.all_transfers if records.load(one.key) is None]
    resources = resources_within(capacity, study.profile.resources)
    estimate = estimate_judging(todo, home=home, capacity=capacity, resources=resources)
    return JudgingPlan(found, records, todo, estimate, records.trained)


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
        status = status or _deliver(found, records, hardware)
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


def trace_tasks(study: StudySpec, found: Evaluation, records: EvaluationRecords) -> "TaskProvenance":
    """Return the provenance of the table over tasks: a column for each task and metric of the study.

    Args:
        study: The study.
        found: Its evaluations.
        records: Findings of those that were judged.
    """
    from ftlab.reporting.trace.task_provenance import TaskProvenance, TaskValue

    metrics = (study.metric, *study.other_metrics)
    columns = {task: task_columns(task, metrics) for task in found.transfers}
    values = [
        TaskValue(
            cell=transfer.row,
            task=column,
            trial_key=transfer.key,
            metric=metric,
            value=record.metrics[metric],
            run_id=records.run_id(transfer.key),
        )
        for task, transfers in found.transfers.items()
        for transfer in transfers
        if (record := records.load(transfer.key)) is not None
        for metric, column in columns[task].items()
        if metric in record.metrics  # of classes that the images do not have there is no accuracy
    ]
    return TaskProvenance(
        title=study.question,
        cells=(*(cell.name for cell in study.cells), *(one.row for one in study.weights)),
        tasks=tuple(column for of_task in columns.values() for column in of_task.values()),
        values=tuple(values),
        notes=(*_notes(study, columns), *found.notes, *found.published.notes),
        published=found.published.columns,
    )


def _notes(study: StudySpec, columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    metrics = dict.fromkeys(metric for of_task in columns.values() for metric in of_task)
    protocols = study.cells[0].config.probe.protocols()
    notes = [f"{metric_name(metric)}: {protocols[metric]}." for metric in metrics]
    if any(parse_place(task).imbalance is not None for task in columns):
        notes.append("@n: a long tail of the training images, n times as many of the first class as of the last.")
    frozen = "Encoders are frozen unless fine-tuned" if any(map(_is_finetuned, metrics)) else "Encoders are frozen"
    notes.append(f"{frozen}, trained on {study.data.name}; images: {PROTOCOL}. ± half the 95% interval.")
    return notes


def _is_finetuned(metric: str) -> bool:
    return "finetune" in optional_probes(metric)


def _publish(study: StudySpec, found: Evaluation, records: EvaluationRecords, folder: Path, *, complete: bool) -> None:
    from ftlab.publish.task_files import write_tasks
    from ftlab.reporting.writers.task_writer import render_tasks

    files = render_tasks(write_tasks(trace_tasks(study, found, records), folder))
    with reporting_refusal():
        records.close(files["transfer.md"], files, complete=complete)
    # Last: what is printed may find no reader.
    _say_all(files["transfer.md"].splitlines())
    say(f"{folder}: {', '.join(files)}")
