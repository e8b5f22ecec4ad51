"""Evaluate a study's kept backbones on other images, and write the table over tasks; nothing is trained."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.config.home import Home, ftlab_home
from ftlab.config.weights_file import WeightsConfig
from ftlab.engine.planning import name_trials
from ftlab.engine.study_session import STARTING_RAY
from ftlab.errors import FtlabError, listed
from ftlab.estimate.resource_plan import resources_within
from ftlab.machine.capacity import Capacity
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.storage.atomic import require_writable, write_if_changed
from ftlab.study.spec import StudySpec, Trial
from ftlab.study.transfer import (
    PROTOCOL,
    AnyTransfer,
    WeightsTransfer,
    check_images,
    check_places,
    check_weights,
    data_of,
    make_transfer,
    seen_by_weights,
    task_name,
)
from ftlab.terminal.console import INTERRUPTED, complain, say
from ftlab.terminal.phase import phase
from ftlab.workers.session import RaySession

if TYPE_CHECKING:
    from ftlab.reporting.table.task_table import TaskTable
    from ftlab.running.transfer.weights_reader import ReadWeights

RECORDS = "transfers"
NUM_LISTED = 8

Judge = Callable[[Sequence[AnyTransfer], Home], Iterator[tuple[AnyTransfer, FloorRecord | str]]]


@dataclass(frozen=True)
class Evaluation:
    """The evaluations of a study on other images.

    Attributes:
        transfers: Those of trials whose backbones are kept, and of weights made elsewhere, by the name of the task.
        missing: Trials whose backbones are not kept.
        refused: The reason for each task whose images cannot be used.
        notes: Lines on the weights made elsewhere, below the table.
    """

    transfers: Mapping[str, Sequence[AnyTransfer]]
    missing: Sequence[Trial]
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def plan_evaluation(study: StudySpec, places: Sequence[str], home: Home) -> Evaluation:
    """Return the evaluations of a study; images that cannot be used are refused alone.

    Args:
        study: The study.
        places: Images to judge on, see `ftlab.study.transfer.data_of`.
        home: Home of kept backbones, data sets and the cache.

    Raises:
        ConfigError: A place is none, two places or rows have the same name, or weights are not what they should be.
        CheckpointError: A file of weights made elsewhere cannot be used.
    """
    check_places(places)
    check_weights(study)
    made_elsewhere = _read(study.weights)
    data = {place: data_of(place, study.cells[0].config) for place in places}
    kept, trials = KeptBackbones(home).keys(), name_trials(study, home)
    judged = [trial for trial in trials if trial.pretraining_key in kept]
    transfers: dict[str, list[AnyTransfer]] = {}
    refused: dict[str, str] = {}
    for place, images in data.items():
        try:
            fingerprint = check_images(images, [trial.config for trial in judged], home)
            beside = [_on(place, read, study, home) for read in made_elsewhere]
        except FtlabError as error:
            refused[task_name(place)] = str(error)
            continue
        transfers[task_name(place)] = [*(make_transfer(trial, images, fingerprint) for trial in judged), *beside]
    missing = [trial for trial in trials if trial.pretraining_key not in kept]
    return Evaluation(transfers, missing, refused, [read.note for read in made_elsewhere])


def _read(weights: Sequence[WeightsConfig]) -> "list[ReadWeights]":
    if not weights:
        return []
    # It imports torch, without which kept backbones are planned.
    from ftlab.running.transfer.weights_reader import read_weights

    return [read_weights(one) for one in weights]


def _on(place: str, read: "ReadWeights", study: StudySpec, home: Home) -> WeightsTransfer:
    config = seen_by_weights(read.config, place, study.cells[0].config)
    return read.on(config, check_images(config.data, [config], home))


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
        *found.notes,
        f"{num_judged + num_todo} evaluations: {num_todo} to judge, {num_judged} judged before; nothing is trained",
    ]
    if found.missing:
        names = listed([trial.name for trial in found.missing], NUM_LISTED)
        lines.append(f"not judged, as their backbones are not kept; make sweep trains them: {names}")
    return [*lines, *(f"{task} is left out: {reason}" for task, reason in found.refused.items())]


def _judge_all(todo: Sequence[AnyTransfer], records: FloorRecords, home: Home, judge: Judge) -> int:
    failed = 0
    for transfer, result in judge(todo, home) if todo else ():
        if isinstance(result, str):
            failed = 1
            complain(f"{transfer.name} could not be judged: {result}")
        else:
            records.save(transfer.key, result)
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


def make_task_table(study: StudySpec, found: Evaluation, records: FloorRecords) -> "TaskTable":
    """Return the table over tasks: a column for each task and metric of the study.

    Args:
        study: The study.
        found: Its evaluations.
        records: Findings of those that were judged.
    """
    from ftlab.reporting.table.task_table import tabulate_tasks

    metrics = (study.metric, *study.other_metrics)
    columns = [f"{task}, {metric_name(metric)}" for task in found.transfers for metric in metrics]
    rows = [*(cell.name for cell in study.cells), *(one.row for one in study.weights)]
    values: dict[str, dict[str, list[float]]] = {row: {} for row in rows}
    for task, transfers in found.transfers.items():
        for transfer in transfers:
            if (record := records.load(transfer.key)) is not None:
                for metric in metrics:
                    of_row = values[transfer.row]
                    of_row.setdefault(f"{task}, {metric_name(metric)}", []).append(record.metrics[metric])
    protocols = study.cells[0].config.probe.protocols()
    notes = [f"{metric_name(metric)}: {protocols[metric]}." for metric in metrics]
    notes.append(f"Encoders are frozen, trained on {study.data.name}; images: {PROTOCOL}. ± half the 95% interval.")
    return tabulate_tasks(study.question, columns, values, [*notes, *found.notes])


def _publish(study: StudySpec, found: Evaluation, records: FloorRecords, folder: Path) -> None:
    from ftlab.reporting.writers.task_writer import TASK_RENDERERS, tasks_md

    table = make_task_table(study, found, records)
    for name, render in TASK_RENDERERS.items():
        write_if_changed(folder / name, render(table).encode())
    # Last: what is printed may find no reader.
    for line in tasks_md(table).splitlines():
        say(line)
    say(f"{folder}: {', '.join(TASK_RENDERERS)}")
