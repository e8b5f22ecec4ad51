import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.tracking.journal import Journal
from ftlab.tracking.journal_line import journal_line
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.timings import read_description, read_timings
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)
NUM_EPOCHS = 3


@pytest.fixture
def journal(tmp_path: Path, make_trial: MakeTrial, make_epoch: MakeEpoch) -> Journal:
    """The journal of a finished trial: lines of its opening, of three epochs, and of its end."""
    journal = Journal(tmp_path / "trials")
    journal.append_trial(make_trial(params={"train.epochs": str(NUM_EPOCHS)}))
    for number in range(1, NUM_EPOCHS + 1):
        journal.append_epochs("a1", [make_epoch(number, loss=0.882)])
    journal.append_outcome("a1", FINISHED)
    return journal


def path_of(journal: Journal) -> Path:
    return journal.folder / "a1.jsonl"


def lines_of(journal: Journal) -> list[bytes]:
    return path_of(journal).read_bytes().splitlines(keepends=True)


def replay(journal: Journal) -> list[str]:
    tracker = MemoryTracker()
    tracker.open_study(StudyRecord("momentum", "momentum/digits"))
    writer = TrackingWriter(tracker, Journal(journal.folder), flush_seconds=60.0)
    try:
        return writer.replay(["a1"], "momentum/digits")
    finally:
        writer.close()


def is_trained_again(journal: Journal) -> bool:
    """Replay into a new store, and return whether the trial is open after that, its damaged record kept."""
    before = path_of(journal).read_bytes()
    assert replay(journal) == []
    kept = [path.read_bytes() for path in journal.folder.iterdir()]
    return journal.outcome("a1") is None and kept == [before]


def test_an_intact_trial_is_replayed(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    assert replay(journal) == ["a1"]
    assert caplog.text == ""


@pytest.mark.parametrize("line", range(NUM_EPOCHS + 2))
def test_a_changed_digit_is_never_believed(journal: Journal, line: int, caplog: pytest.LogCaptureFixture) -> None:
    lines = lines_of(journal)
    place = lines[line].rindex(b'"time":') + 9
    lines[line] = lines[line][:place] + b"7" + lines[line][place + 1 :]
    path_of(journal).write_bytes(b"".join(lines))
    assert is_trained_again(journal)
    assert f"{path_of(journal)} is damaged (line {line + 1}: its checksum differs" in caplog.text


def test_a_score_that_was_edited_is_not_recorded(journal: Journal) -> None:
    path_of(journal).write_bytes(path_of(journal).read_bytes().replace(b"0.882", b"0.822", 1))
    assert is_trained_again(journal)


@pytest.mark.parametrize("line", range(NUM_EPOCHS + 1))
def test_a_lost_line_is_missed(journal: Journal, line: int, caplog: pytest.LogCaptureFixture) -> None:
    lines = lines_of(journal)
    del lines[line]
    path_of(journal).write_bytes(b"".join(lines))
    assert is_trained_again(journal)
    assert f"{path_of(journal)} is damaged (" in caplog.text
    assert "missing" in caplog.text


def test_a_trial_whose_end_is_lost_is_open(journal: Journal) -> None:
    path_of(journal).write_bytes(b"".join(lines_of(journal)[:-1]))
    assert is_trained_again(journal)


OTHER_SHAPES = [
    b'{"event":"outcome","outcome":{}}',
    b'{"event":"outcome","outcome":{"status":"splendid","reason":""}}',
    b'{"event":"outcome","outcome":{"status":[],"reason":""}}',
    b'{"event":"epochs","epochs":[{}]}',
    b'{"event":"epochs","epochs":{"epoch":1}}',
    b'{"event":"epochs","epochs":[{"epoch":"1","timestamp":1.0,"metrics":{}}]}',
    b'{"event":"epochs","epochs":[{"epoch":1,"timestamp":NaN,"metrics":{}}]}',
    b'{"event":"epochs","epochs":[{"epoch":1,"timestamp":1.0,"metrics":{"a":null}}]}',
    b'{"event":"trial","trial":{"params":{}}}',
    b'{"event":["trial"]}',
    b'{"event":null}',
    b"{}",
    b"[]",
    b"7",
    b"null",
    b'"trial"',
    b"[" * 10_000,
    journal_line({"event": "outcome", "outcome": {}}),
    journal_line({"event": "coffee"}),
]


@pytest.mark.parametrize("line", OTHER_SHAPES)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_line_of_another_shape_stops_nothing(journal: Journal, line: bytes, place: int) -> None:
    lines = lines_of(journal)
    lines.insert(place, line + b"\n")
    path_of(journal).write_bytes(b"".join(lines))
    assert journal.finished_keys() in (set(), {"a1"})
    assert journal.read_epochs("a1", 0, journal.size("a1"))
    read_description(path_of(journal))
    read_timings(path_of(journal))
    # What stands before the line that says what is trained costs nothing.
    assert replay(journal) == ["a1"] if place == 0 else is_trained_again(journal)


def test_a_line_of_a_newer_format_is_not_guessed_at(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    from ftlab.storage.sealed_json import sealed

    with path_of(journal).open("ab") as file:
        file.write(sealed({"event": "outcome", "outcome": {"status": "finished", "reason": ""}, "format": 2}) + b"\n")
    assert is_trained_again(journal)
    assert "its format is 2" in caplog.text


def test_the_file_of_another_trial_is_not_taken_for_this_one(journal: Journal) -> None:
    path_of(journal).rename(journal.folder / "b2.jsonl")
    assert journal.read("b2") is None
    assert journal.outcome("b2") is None


def test_what_was_damaged_before_the_trial_was_resumed_costs_nothing(
    journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    first = lines_of(journal)[:-1]
    path_of(journal).write_bytes(b"".join((first[0], first[1].replace(b"0.882", b"0.822"), first[2])))
    journal.append_trial(make_trial(params={"train.epochs": "3"}))
    journal.append_epochs("a1", [make_epoch(number, loss=0.882) for number in (1, 2, 3)])
    journal.append_outcome("a1", FINISHED)
    assert replay(journal) == ["a1"]


def test_old_lines_are_replayed_and_said_to_be_unchecked(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    events = [json.loads(line) for line in lines_of(journal)]
    old = [{name: part for name, part in event.items() if name not in ("format", "checksum")} for event in events]
    path_of(journal).write_text("".join(f"{json.dumps(event)}\n" for event in old))
    assert replay(journal) == ["a1"]
    assert f"5 lines of 1 trials in {journal.folder} have no checksum and are unchecked" in caplog.text


def test_a_line_that_lost_its_checksum_is_no_old_line(journal: Journal) -> None:
    lines = lines_of(journal)
    lines[2] = lines[2][: lines[2].rindex(b',"checksum"')] + b"}\n"
    path_of(journal).write_bytes(b"".join(lines))
    assert is_trained_again(journal)


def test_damage_to_an_open_trial_is_named_once(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    lines = lines_of(journal)
    path_of(journal).write_bytes(b"".join((*lines[:2], lines[2].replace(b"0.882", b"0.822"), lines[3])))
    for _ in range(3):
        entry = journal.read("a1")
        assert entry is not None
        assert [epoch.epoch for epoch in entry.epochs] == [1, 3]
    assert caplog.text.count("is damaged (line 3: its checksum differs); what it lost is trained again") == 1
