"""Evaluate a study's kept backbones on other images, and write the table over tasks; nothing is trained."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import Home, ftlab_home
from ftlab.engine.planning import name_trials
from ftlab.engine.study_session import STARTING_RAY
from ftlab.errors import FtlabError, listed
from ftlab.estimate.resource_plan import resources_within
from ftlab.machine.capacity import Capacity
from ftlab.publish.published_tasks import PublishedTasks, load_published_tasks
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.storage.atomic import require_writable, write_if_changed
from ftlab.study.fingerprint import check_data
from ftlab.study.spec import StudySpec, Trial
from ftlab.study.transfer import (
    PROTOCOL,
    Transfer,
    asked_of,
    check_places,
    data_of,
    make_transfer,
    parse_place,
    task_columns,
    task_name,
)
from ftlab.terminal.console import INTERRUPTED, complain, say
from ftlab.terminal.phase import phase
from ftlab.training.evaluation.probe_metrics import optional_probes
from ftlab.workers.session import RaySession

if TYPE_CHECKING:
    from ftlab.reporting.table.task_table import TaskTable

RECORDS = "transfers"
NUM_LISTED = 8

Judge = Callable[[Sequence[Transfer], Home], Iterator[tuple[Transfer, FloorRecord | str]]]


@dataclass(frozen=True)
class Evaluation:
    """The evaluations of a study on other images.

    Attributes:
        transfers: Those of trials whose backbones are kept, by the name of the task.
        missing: Trials whose backbones are not kept.
        refused: The reason for each task whose images cannot be used.
        published: Published accuracies beside them.
    """

    transfers: Mapping[str, Sequence[Transfer]]
    missing: Sequence[Trial]
    refused: Mapping[str, str] = field(default_factory=dict)
    published: PublishedTasks = field(default_factory=PublishedTasks)


def plan_evaluation(study: StudySpec, places: Sequence[str], home: Home) -> Evaluation:
    """Return the evaluations of a study; images that cannot be used are refused alone.

    Args:
        study: The study.
        places: Images to judge on, see `ftlab.study.transfer.data_of`.
        home: Home of kept backbones, data sets and the cache.

    Raises:
        ConfigError: A place is none, or two have the same name.
    """
    check_places(places, (study.metric, *study.other_metrics))
    data = {place: data_of(place, study.cells[0].config) for place in places}
    published = load_published_tasks(study)
    kept, trials = KeptBackbones(home).keys(), name_trials(study, home)
    judged = [trial for trial in trials if trial.pretraining_key in kept]
    transfers: dict[str, list[Transfer]] = {}
    refused: dict[str, str] = {}
    for place, images in data.items():
        # The batch of the pretraining means nothing there; the probes must fit.
        asked = [asked_of(trial, place) for trial in judged]
        configs = [trial.config.model_copy(update={"train": _one_batch(trial)}) for trial in asked]
        try:
            fingerprint = check_data(images, configs, home).fingerprint
        except FtlabError as error:
            refused[task_name(place)] = str(error)
            continue
        transfers[task_name(place)] = [make_transfer(trial, images, fingerprint) for trial in asked]
    missing = [trial for trial in trials if trial.pretraining_key not in kept]
    return Evaluation(transfers, missing, refused, published)


def run_evaluation(
    study: StudySpec, places: Sequence[str], capacity: Capacity, results: Path, judge: Judge | None = None
) -> int:
    """Judge what is not judged yet, write and print the table over tasks; return the exit status.

    Args:
        study: The study.
        places: Images to judge on.
        capacity: The part of this machine that may be used.
        results: Folder of tables and figures.
        judge: Judges transfers; None: tasks of Ray.

    Raises:
        ConfigError: A place is none, or two have the same name.
    """
    require_writable(results / study.results_name)
    home = ftlab_home()
    with phase("reading the images and the kept backbones"):
        found = plan_evaluation(study, places, home)
        records = FloorRecords(home, RECORDS)
        wanted = [transfer for transfers in found.transfers.values() for transfer in transfers]
        todo = [transfer for transfer in wanted if records.load(transfer.key) is None]
    for line in evaluation_lines(found, len(wanted) - len(todo), len(todo)):
        say(line)
    status = 1 if found.refused else 0
    try:
        status |= _judge_all(todo, records, home, judge or _with_ray(study, capacity))
    except KeyboardInterrupt:
        say("Stopped. What was judged is kept; the same command goes on.")
        status = INTERRUPTED
    if wanted:
        _publish(study, found, records, results / study.results_name)
    return status


def evaluation_lines(found: Evaluation, num_judged: int, num_todo: int) -> list[str]:
    """Return lines that say what is judged, and name what cannot be."""
    lines = [
        f"{num_judged + num_todo} evaluations: {num_todo} to judge, {num_judged} judged before; nothing is trained"
    ]
    if found.missing:
        names = listed([trial.name for trial in found.missing], NUM_LISTED)
        lines.append(f"not judged, as their backbones are not kept; make sweep trains them: {names}")
    return [*lines, *(f"{task} is left out: {reason}" for task, reason in found.refused.items())]


def _judge_all(todo: Sequence[Transfer], records: FloorRecords, home: Home, judge: Judge) -> int:
    failed = 0
    for transfer, result in judge(todo, home) if todo else ():
        if isinstance(result, str):
            failed = 1
            complain(f"{transfer.trial.name} could not be judged: {result}")
        else:
            records.save(transfer.key, result)
    return failed


def _with_ray(study: StudySpec, capacity: Capacity) -> Judge:
    def judge(transfers: Sequence[Transfer], home: Home) -> Iterator[tuple[Transfer, FloorRecord | str]]:
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


def make_task_table(study: StudySpec, found: Evaluation, records: FloorRecords) -> "TaskTable":
    """Return the table over tasks: a column for each task and metric of the study.

    Args:
        study: The study.
        found: Its evaluations.
        records: Findings of those that were judged.
    """
    from ftlab.reporting.table.task_table import tabulate_tasks

    metrics = (study.metric, *study.other_metrics)
    columns = {task: task_columns(task, metrics) for task in found.transfers}
    values: dict[str, dict[str, list[float]]] = {cell.name: {} for cell in study.cells}
    for task, transfers in found.transfers.items():
        for transfer in transfers:
            if (record := records.load(transfer.key)) is not None:
                for metric, column in columns[task].items():
                    # Of classes that the images do not have there is no accuracy.
                    if metric in record.metrics:
                        values[transfer.trial.cell].setdefault(column, []).append(record.metrics[metric])
    shown = [column for of_task in columns.values() for column in of_task.values()]
    notes = [*_notes(study, columns), *found.published.notes]
    return tabulate_tasks(study.question, shown, values, notes, found.published.columns)


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


def _publish(study: StudySpec, found: Evaluation, records: FloorRecords, folder: Path) -> None:
    from ftlab.reporting.writers.task_writer import TASK_RENDERERS, tasks_md

    table = make_task_table(study, found, records)
    for name, render in TASK_RENDERERS.items():
        write_if_changed(folder / name, render(table).encode())
    # Last: what is printed may find no reader.
    for line in tasks_md(table).splitlines():
        say(line)
    say(f"{folder}: {', '.join(TASK_RENDERERS)}")


def _one_batch(trial: Trial) -> object:
    return trial.config.train.model_copy(update={"batch_size": 1})
