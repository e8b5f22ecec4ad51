"""The floors of a study's table, as far as they were judged."""

from collections.abc import Iterable

from ftlab.config.home import Home
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.study.floors import FloorKind, find_floors
from ftlab.study.spec import StudySpec

CHANCE = "chance"


def load_floors(study: StudySpec, fingerprint: str, home: Home) -> tuple[FloorValues, ...]:
    """Return the floors that the home has records of; without any, that of chance is unknown too.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        home: Folder of everything ftlab keeps.
    """
    records = FloorRecords(home)
    found: dict[FloorKind, list[FloorRecord]] = {}
    for floor in find_floors(study, fingerprint):
        if (record := records.load(floor.key)) is not None:
            found.setdefault(floor.kind, []).append(record)
    if not found:
        return ()
    metrics = (study.metric, *study.other_metrics)
    chance = 100.0 / next(record.num_classes for records_found in found.values() for record in records_found)
    judged = [_values(kind.value, metrics, records_found) for kind, records_found in found.items()]
    return (FloorValues(CHANCE, dict.fromkeys(metrics, (chance,))), *judged)


def _values(name: str, metrics: Iterable[str], records: list[FloorRecord]) -> FloorValues:
    values = {
        metric: tuple(record.metrics[metric] for record in records if metric in record.metrics) for metric in metrics
    }
    return FloorValues(name, values)
