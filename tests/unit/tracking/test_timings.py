import json
from pathlib import Path
from typing import Any

import pytest

from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus
from ftlab.tracking.timings import MAX_BYTES, Attempt, EpochTiming, newest_journals, read_description, read_timings
from ftlab.training.epoch_result import EpochResult

OPENED: dict[str, Any] = {"event": "trial", "trial": {"params": {"seed": "0"}, "tags": {"python": "3"}}}
FINISHED: dict[str, Any] = {"event": "outcome", "outcome": {"status": "finished", "reason": ""}}


def epochs(*ended: tuple[int, float]) -> dict[str, Any]:
    metrics = {"pretrain/loss": 1.0, "train_seconds": 1.0, "epoch_seconds": 1.5}
    dense = {
        "histograms": {"scores/positive": [0, 1], "scores/negative": [2, 3]},
        "steps": {"step": [1.0, 2.0], "scores/positive_mean": [0.5, 0.25]},
        "gradient_norms": {"backbone": 0.5},
    }
    return {
        "event": "epochs",
        "epochs": [{"epoch": epoch, "timestamp": at, "metrics": metrics, **dense} for epoch, at in ended],
    }


def write(folder: Path, *events: tuple[dict[str, Any], float] | str) -> Path:
    """Write a journal of events, each with its time, and of lines as they are."""
    path = folder / "a1.jsonl"
    lines = [event if isinstance(event, str) else json.dumps({**event[0], "time": event[1]}) for event in events]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_attempt_lasts_from_its_opening_to_its_outcome(tmp_path: Path) -> None:
    path = write(tmp_path, (OPENED, 10.0), (epochs((1, 12.0)), 12.1), (epochs((2, 14.0)), 14.1), (FINISHED, 15.0))
    found = read_timings(path)
    assert found is not None
    assert (found.params, found.tags) == ({"seed": "0"}, {"python": "3"})
    expected = Attempt(10.0, (EpochTiming(1, 12.0, 1.0, 1.5), EpochTiming(2, 14.0, 1.0, 1.5)), 15.0)
    assert found.attempts == (expected,)
    assert expected.seconds == 5.0


def test_restored_epochs_belong_to_whoever_trained_them(tmp_path: Path) -> None:
    # The first attempt forks from another trial's epoch 2; the second resumes from its own epoch 3.
    path = write(
        tmp_path,
        (OPENED, 100.0),
        (epochs((1, 12.0), (2, 14.0), (3, 102.0)), 102.1),
        (OPENED, 200.0),
        (epochs((1, 12.0), (2, 14.0), (3, 102.0)), 201.0),
        (epochs((4, 202.0)), 202.1),
    )
    found = read_timings(path)
    assert found is not None
    assert [[epoch.epoch for epoch in attempt.epochs] for attempt in found.attempts] == [[3], [4]]
    # Killed without an outcome: its last sign of life ends an attempt, not what came much later.
    assert [round(attempt.seconds, 1) for attempt in found.attempts] == [2.1, 2.1]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"text"',
        "\x00\x00",
        '{"event": "epochs"}',
        '{"event": "epochs", "time": null}',
        '{"event": "epochs", "time": 13.0, "epochs": [{"epoch": 1}]}',
        '{"event": "epochs", "time": 13.0, "epochs": 3}',
        '{"event": "epochs", "time": 13.0, "epochs": [7]}',
        '{"event": "epochs", "time": 13.0, "epochs": [{"epoch": 1, "timestamp": 1.0, "metrics": {}}]}',
    ],
)
def test_a_damaged_line_is_skipped(tmp_path: Path, damage: str) -> None:
    found = read_timings(write(tmp_path, (OPENED, 10.0), damage, (epochs((1, 12.0)), 12.5)))
    assert found is not None
    assert found.attempts == (Attempt(10.0, (EpochTiming(1, 12.0, 1.0, 1.5),), 12.5),)


def test_a_line_without_a_time_tells_nothing(tmp_path: Path) -> None:
    found = read_timings(write(tmp_path, json.dumps(OPENED), json.dumps(epochs((1, 12.0)))))
    assert found is not None
    assert found.attempts == ()


@pytest.mark.parametrize(
    "first_line", ["", "{", "[]", "null", '{"event": "trial"}', '{"trial": {"params": 3}}', "\xff"]
)
def test_a_damaged_description_gives_the_trial_up(tmp_path: Path, first_line: str) -> None:
    path = write(tmp_path, first_line, (epochs((1, 12.0)), 12.5))
    assert read_description(path) is None
    assert read_timings(path) is None


def test_a_missing_file_and_folder_are_empty(tmp_path: Path) -> None:
    assert read_timings(tmp_path / "a1.jsonl") is None
    assert newest_journals(tmp_path / "nowhere") == []


def test_of_a_long_file_the_beginning_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, (OPENED, 10.0), (epochs((1, 12.0)), 12.5), " " * MAX_BYTES, (epochs((2, 14.0)), 14.5))
    found = read_timings(path)
    assert found is not None
    assert [epoch.epoch for epoch in found.attempts[0].epochs] == [1]


def test_the_journal_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "trials")
    journal.append_trial(TrialRecord("b2", "c", 0, "exp/tiny", "cell seed 0", {"seed": "0"}, {"python": "3"}))
    now = read_timings(tmp_path / "trials" / "b2.jsonl").attempts[0].opened  # type: ignore[union-attr]
    restored = EpochResult(1, now - 50.0, {"train_seconds": 9.0, "epoch_seconds": 9.0})
    own = EpochResult(2, now + 3.0, {"train_seconds": 2.0, "epoch_seconds": 2.5}, {"scores/positive": [1, 2]})
    journal.append_epochs("b2", [restored, own])
    journal.append_outcome("b2", Outcome(TrialStatus.FINISHED))
    (path,) = newest_journals(tmp_path / "trials")
    found = read_timings(path)
    assert found is not None
    (attempt,) = found.attempts
    assert attempt.epochs == (EpochTiming(2, now + 3.0, 2.0, 2.5),)
    assert 0.0 <= attempt.seconds < 60.0
