from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ftlab.config.home import Home
from ftlab.engine.judging import floor_work
from ftlab.engine.judging.floor_work import judged_beside
from ftlab.engine.study_session import StudySession
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.study.floors import Floor

FLOOR = cast(Floor, SimpleNamespace(key="0123abcd" * 4))
RECORD = FloorRecord({"knn/top1": 83.5}, {}, 10)


class Task:
    """A task of Ray that knows the floor's record, or is interrupted, once it is waited for."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.waited = self.cancelled = False

    def wait(self) -> dict[str, FloorRecord]:
        self.waited = True
        if self.error:
            raise self.error
        return {FLOOR.key: RECORD}

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def session(tmp_path: Path) -> StudySession:
    return cast(StudySession, SimpleNamespace(home=Home(str(tmp_path))))


def judge(task: Task, session: StudySession, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> None:
    monkeypatch.setattr(floor_work, "_begin", lambda *_: task)
    with judged_beside([FLOOR], session, *arguments):
        assert not task.waited
    assert task.cancelled


def test_floors_are_kept_after_the_training(session: StudySession, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(Task(), session, monkeypatch)
    assert FloorRecords(session.home).load(FLOOR.key) == RECORD


def test_an_interrupted_training_waits_for_no_floor(session: StudySession, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task()
    judge(task, session, monkeypatch, lambda: True)
    assert not task.waited
    assert FloorRecords(session.home).load(FLOOR.key) is None


def test_a_ctrl_c_ends_the_wait_for_floors(session: StudySession, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(Task(KeyboardInterrupt()), session, monkeypatch)
    assert FloorRecords(session.home).load(FLOOR.key) is None


def test_a_failure_is_told_and_costs_nothing(
    session: StudySession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(Task(RuntimeError("no memory")), session, monkeypatch)
    assert "floor rows of the table could not be computed: no memory" in capsys.readouterr().err
