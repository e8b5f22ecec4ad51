"""The provenance of a study's table over tasks."""

from collections.abc import Mapping

from ftlab.engine.judging.evaluation_plan import Evaluation
from ftlab.engine.judging.evaluation_records import EvaluationRecords
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.trace.task_provenance import TaskProvenance, TaskValue
from ftlab.study.spec import StudySpec
from ftlab.study.transfer import PROTOCOL, parse_place, task_columns
from ftlab.training.evaluation.probe_metrics import optional_probes


def trace_tasks(study: StudySpec, found: Evaluation, records: EvaluationRecords) -> TaskProvenance:
    """Return the provenance of the table over tasks: a column for each task and metric of the study.

    Args:
        study: The study.
        found: Its evaluations.
        records: Findings of those that were judged.
    """
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
