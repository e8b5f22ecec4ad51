"""Copy the trials of one MLflow store to another, and compare the copies with their originals."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from ftlab.errors import TrackingError
from ftlab.tracking.driver_process import driver_identity
from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.mlflow.connection import (
    connect,
    find_experiments,
    is_new,
    open_artifacts,
    open_experiment,
    search_runs,
)
from ftlab.tracking.mlflow.data_inputs import copy_inputs
from ftlab.tracking.mlflow.missing import Action, Step, StoredRuns, plan_migration, study_name
from ftlab.tracking.mlflow.moved_files import mend_addresses
from ftlab.tracking.mlflow.run_content import RunContent, read_content
from ftlab.tracking.records import TrialStatus
from ftlab.tracking.tracking_uri import check_migration, check_tracking_uri, sqlite_path

# isort: split
# The variables that MLflow reads when it is imported are set by now.
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

_EMPTY = StoredRuns({}, ())

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class CopyOutcome:
    """The outcome of a step.

    Attributes:
        step: The step.
        content: Content of the source that the target was compared with; empty if nothing was compared.
        problems: The differences of the target, in words; empty if there are none.
    """

    step: Step
    content: RunContent
    problems: tuple[str, ...]


class Migration:
    """Copies missing content from one store to another; changes nothing in the source, replaces nothing in the target.

    Only the addresses of files of a source that was moved are mended.

    Copies are found again by a tag, so that an interrupted migration goes on.

    Args:
        source_uri: SQLite store to read.
        target_uri: Store to write: an MLflow server, or a SQLite or PostgreSQL database.
        artifact_root: URI of the folder of files, for a database; None puts them beside a SQLite file, or where a
            server decides.

    Raises:
        TrackingError: One of them cannot be used or reached, or both are the same.
    """

    def __init__(self, source_uri: str, target_uri: str, artifact_root: str | None = None) -> None:
        check_migration(source_uri, target_uri, artifact_root)
        database = sqlite_path(target_uri)
        self._artifact_root = artifact_root or ((database.parent / "artifacts").as_uri() if database else None)
        self._target_uri = target_uri
        self._driver = driver_identity()
        self._source = connect(source_uri)
        if source := sqlite_path(source_uri):
            mend_addresses(source, source.parent / "artifacts")
        self._experiments: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        with _translated(source_uri):
            self._source_runs = _read_runs(self._source)

    def plan(self) -> list[Step]:
        """Return the steps that the target needs now; a target that does not exist yet is not created.

        Raises:
            TrackingError: The target cannot be reached.
        """
        with _translated(self._target_uri):
            found = _EMPTY if is_new(self._target_uri) else _read_runs(connect(self._target_uri))
        return plan_migration(self._source_runs, found)

    def run(self, steps: list[Step]) -> Iterator[CopyOutcome]:
        """Take the steps of a plan, and yield the outcome of each.

        Raises:
            TrackingError: A store fails; the same migration goes on from there.
        """
        if sqlite_path(self._target_uri):
            check_tracking_uri(self._target_uri)
        client = connect(self._target_uri)
        for step in steps:
            with _translated(self._target_uri):
                yield self._take(client, step)

    def _take(self, client: MlflowClient, step: Step) -> CopyOutcome:
        if study := study_name(step.run):
            self._parents[study] = step.found.info.run_id if step.found else self._create(client, step)
        if step.action in (Action.KEEP, Action.LEAVE):
            return CopyOutcome(step, RunContent(), ())
        if step.found:
            copy_id = step.found.info.run_id
        else:
            copy_id = self._parents[study] if study else self._create(client, step)
        with tempfile.TemporaryDirectory(prefix="ftlab-") as folder:
            return self._make_equal(client, step, copy_id, Path(folder))

    def _make_equal(self, client: MlflowClient, step: Step, copy_id: str, folder: Path) -> CopyOutcome:
        """Add the missing content to a copy, read it back, and end it if it is equal."""
        original = _read(self._source, step.run, folder / "original")
        copy = client.get_run(copy_id)
        found = RunContent() if step.action is Action.COPY else _read(client, copy, folder / "found")
        if step.action is not Action.CHECK:
            _add(client, step.run, copy, original.lacking(found), folder / "original")
            found = _read(client, client.get_run(copy_id), folder / "added")
        problems = original.differences(found)
        if not problems and step.action is not Action.CHECK:
            _end(client, copy_id, step.run)
        if not problems:
            problems = _tag_differences(step.run, client.get_run(copy_id))
        return CopyOutcome(step, original, tuple(problems))

    def _create(self, client: MlflowClient, step: Step) -> str:
        """Create the copy of a run without its content; the copy counts as running until its content is complete."""
        run = step.run
        tags = {**run.data.tags, **layout.running_tags(self._driver)}
        tags |= {layout.COPY_OF_TAG: run.info.run_id, layout.COPY_TAG: layout.COPY_BEGUN}
        parent = self._parents.get(run.data.tags[layout.STUDY_TAG])
        tags |= {layout.PARENT_TAG: parent} if step.is_trial and parent else {}
        experiment_id = self._open_experiment(client, step.experiment, run.info.experiment_id)
        created = client.create_run(experiment_id, run.info.start_time, tags, run.info.run_name)
        return str(created.info.run_id)

    def _open_experiment(self, client: MlflowClient, name: str, source_id: str) -> str:
        if name not in self._experiments:
            location = f"{self._artifact_root.rstrip('/')}/{quote(name)}" if self._artifact_root else None
            tags = self._source.get_experiment(source_id).tags
            self._experiments[name] = open_experiment(client, name, location, tags)
        return self._experiments[name]


def _read_runs(client: MlflowClient) -> StoredRuns:
    experiments = find_experiments(client)
    return StoredRuns(experiments, search_runs(client, experiments, ""))


def _read(client: MlflowClient, run: Run, folder: Path) -> RunContent:
    folder.mkdir()
    return read_content(client, run, folder)


def _add(client: MlflowClient, original: Run, copy: Run, lacking: RunContent, folder: Path) -> None:
    copy_id = copy.info.run_id
    for params in _batches(list(lacking.params.items()), layout.MAX_PARAMS):
        client.log_batch(copy_id, params=[Param(name, value) for name, value in params])
    points = sorted((point, name) for name, points in lacking.points.items() for point in points)
    for some in _batches(points, layout.MAX_METRICS):
        metrics = [Metric(name, float(point.value), point.timestamp, point.step) for point, name in some]
        client.log_batch(copy_id, metrics=metrics)
    copy_inputs(client, original, copy_id)
    repository = open_artifacts(copy.info.artifact_uri, copy_id, client.tracking_uri)
    for path in lacking.files:
        parent = str(Path(path).parent)
        repository.log_artifact(str(folder / path), None if parent == "." else parent)


def _batches(items: Sequence[ItemT], size: int) -> Iterator[Sequence[ItemT]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _end(client: MlflowClient, copy_id: str, run: Run) -> None:
    status = TrialStatus.INTERRUPTED if _is_running(run) else layout.run_status(run)
    client.set_terminated(copy_id, layout.RUN_STATUS[status], run.info.end_time)
    # Last, so that a copy that is marked as complete is complete.
    client.log_batch(copy_id, tags=[RunTag(name, text) for name, text in _final_tags(run).items()])


def _final_tags(run: Run) -> dict[str, str]:
    """Return the tags of a run's end; a study that still runs in the source is interrupted in the target."""
    tags = {name: run.data.tags.get(name, "") for name in (layout.DRIVER_TAG, layout.STATUS_TAG, layout.REASON_TAG)}
    ended = {layout.STATUS_TAG: str(TrialStatus.INTERRUPTED)} if _is_running(run) else {}
    return {**tags, **ended, layout.COPY_TAG: layout.COPY_COMPLETE}


def _is_running(run: Run) -> bool:
    return layout.run_status(run) is TrialStatus.RUNNING


def _tag_differences(run: Run, copy: Run) -> list[str]:
    """Return the tags of a copy that differ, in words; MLflow's own may be edited on its pages.

    The name of a row is left out: an older run gets it when its study is swept again, maybe after it was copied.
    """
    own = {
        name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.") and name != layout.CELL_TAG
    }
    expected: Mapping[str, str] = {**own, **_final_tags(run)}
    return [
        f"tag {name}: {text!r} in the source, {copy.data.tags.get(name, 'absent')!r} there"
        for name, text in expected.items()
        if copy.data.tags.get(name) != text
    ]


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Raise `TrackingError` for any error of MLflow and its storage backends, which raise many kinds."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:
        raise TrackingError(
            f"both tracking stores must answer during a migration, but not all did, copying to {uri}: {error}. "
            "The same command goes on from here."
        ) from error
