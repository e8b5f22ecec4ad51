"""The floors of a sweep: those that nobody judged yet are judged beside its trials."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ftlab.config.home import Home
from ftlab.engine.study_session import STARTING_RAY, StudySession
from ftlab.errors import FtlabError
from ftlab.estimate.resource_plan import resources_within
from ftlab.running.floor_records import FloorRecords
from ftlab.study.floors import Floor
from ftlab.terminal.console import complain
from ftlab.terminal.phase import phase

if TYPE_CHECKING:
    from ftlab.workers.floor_task import FloorTask


def missing_floors(floors: Sequence[Floor], home: Home) -> list[Floor]:
    """Return the floors that have no record."""
    records = FloorRecords(home)
    return [floor for floor in floors if records.load(floor.key) is None]


@contextmanager
def judged_beside(
    floors: Sequence[Floor], session: StudySession, is_interrupted: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Judge floors while the block runs, and keep what was found; a failure is told and costs no trial.

    Args:
        floors: The floors that have no record.
        session: The session of the sweep, whose Ray judges them.
        is_interrupted: Asked at the end of the block; if true, the floors are left to the next sweep.
    """
    task = _begin(floors, session) if floors else None
    yield
    if task is None:
        return
    try:
        # A Ctrl-C while only floors are waited for leaves them to the next sweep too.
        with suppress(KeyboardInterrupt):
            with phase("judging the floors of the table"):
                found = {} if is_interrupted() else task.wait()
            for key, record in found.items():
                FloorRecords(session.home).save(key, record)
    except Exception as error:
        _tell(error)
    finally:
        task.cancel()


def _begin(floors: Sequence[Floor], session: StudySession) -> "FloorTask | None":
    try:
        with phase(STARTING_RAY):
            session.ray.wait()
    except FtlabError as error:
        _tell(error)
        return None
    from ftlab.workers.floor_task import FloorTask

    resources = resources_within(session.ray.capacity, session.study.profile.resources)
    return FloorTask(floors, session.home, resources)


def _tell(error: Exception) -> None:
    complain(f"The floor rows of the table could not be computed: {error}")
