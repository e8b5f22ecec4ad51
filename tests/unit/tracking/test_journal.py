import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.journal import Journal
from ftlab.tracking.journal_line import FORMAT, Seal, check_seal
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)
INTERRUPTED = Outcome(TrialStatus.INTERRUPTED, "Ctrl-C")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def test_what_was_written_is_read(journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(2), make_epoch(1)])
    journal.append_outcome("a1", Outcome(TrialStatus.FAILED, "out of memory"))
    entry = Journal(journal.folder).read("a1")
    assert entry is not None
    assert entry.trial == make_trial()
    assert entry.epochs == (make_epoch(1), make_epoch(2))
    assert entry.outcome == journal.outcome("a1") == Outcome(TrialStatus.FAILED, "out of memory")


def test_histograms_keep_their_edges(journal: Journal, make_trial: MakeTrial) -> None:
    epoch = EpochResult(1, 1.0, {}, {"scores/positive": [1, 2]}, edges={"scores/positive": [-9.0, 1.0]})
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [epoch])
    entry = Journal(journal.folder).read("a1")
    assert entry is not None
    assert entry.epochs == (epoch,)


def test_every_line_has_a_format_and_a_checksum_that_holds(
    journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1, loss=math.nan)])
    journal.append_outcome("a1", FINISHED)
    lines = (journal.folder / "a1.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["trial", "epochs", "outcome"]
    assert [json.loads(line)["format"] for line in lines] == [FORMAT] * 3
    assert [check_seal(line) for line in lines] == [Seal.INTACT] * 3


def test_what_the_training_told_is_read_with_the_outcome(journal: Journal, make_trial: MakeTrial) -> None:
    told = Outcome(TrialStatus.FINISHED, tags={"train.compiled": "no"})
    for outcome in (FINISHED, told):
        journal.append_trial(make_trial())
        journal.append_outcome("a1", outcome)
        entry = journal.read("a1")
        assert entry is not None
        assert entry.outcome == journal.outcome("a1") == outcome
    outcomes = [json.loads(line)["outcome"] for line in (journal.folder / "a1.jsonl").read_bytes().splitlines()[1:]]
    assert outcomes == [
        {"status": "finished", "reason": ""},
        {"status": "finished", "reason": "", "tags": {"train.compiled": "no"}},
    ]


def test_lines_of_another_home_stand_after_what_is_here(
    journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    other = Journal(tmp_path / "other")
    other.append_trial(make_trial(name="theirs"))
    other.append_epochs("a1", [make_epoch(1, loss=7.0)])
    other.append_outcome("a1", FINISHED)
    theirs = (other.folder / "a1.jsonl").read_bytes()
    journal.append_lines("a1", theirs)
    path = journal.folder / "a1.jsonl"
    assert path.read_bytes() == theirs
    journal.append_epochs("a1", [make_epoch(1)])
    path.write_bytes(here := path.read_bytes()[:-20])
    journal.append_lines("a1", theirs)
    assert path.read_bytes() == here + b"\n" + theirs
    assert [path.name for path in journal.folder.iterdir()] == ["a1.jsonl"]
    entry = journal.read("a1")
    assert entry is not None
    assert (entry.trial.name, entry.epochs, entry.outcome) == ("theirs", (make_epoch(1, loss=7.0),), FINISHED)


def test_a_folder_that_is_none_takes_no_lines(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(TrackingError, match="journal must be a file that can be read and written, but got"):
        Journal(tmp_path / "journal").append_lines("a1", b"{}\n")


def test_lines_without_a_checksum_are_read(journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1)])
    path = journal.folder / "a1.jsonl"
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    old = [{name: part for name, part in event.items() if name not in ("format", "checksum")} for event in events]
    path.write_text("".join(f"{json.dumps(event)}\n" for event in old))
    journal.append_outcome("a1", FINISHED)
    entry = journal.read("a1")
    assert entry is not None
    assert (entry.trial, entry.epochs, entry.outcome) == (make_trial(), (make_epoch(1),), FINISHED)


def test_an_unknown_trial_has_no_entry(journal: Journal) -> None:
    assert journal.read("a1") is None
    assert journal.outcome("a1") is None
    assert journal.finished_keys() == set()


def test_a_later_epoch_replaces_an_earlier_one(journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1), make_epoch(2, loss=9.0)])
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(2, loss=0.5), make_epoch(3)])
    entry = journal.read("a1")
    assert entry is not None
    assert entry.epochs == (make_epoch(1), make_epoch(2, loss=0.5), make_epoch(3))


def test_floats_keep_every_bit(journal: Journal, make_trial: MakeTrial) -> None:
    values = [0.1, 1 / 3, math.pi * 1e-300, 5e-324, -0.0, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
    metrics = {f"m{index}": value for index, value in enumerate(values)}
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [EpochResult(1, 1_700_000_000.123456, metrics)])
    entry = journal.read("a1")
    assert entry is not None
    (epoch,) = entry.epochs
    assert epoch.timestamp == 1_700_000_000.123456
    assert [struct.pack("d", value) for value in epoch.metrics.values()] == [struct.pack("d", v) for v in values]


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_line_cut_off_by_a_power_cut_is_skipped(
    journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch, cut: int
) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1)])
    journal.append_epochs("a1", [make_epoch(2)])
    path = journal.folder / "a1.jsonl"
    complete = path.read_bytes()
    path.write_bytes(complete[:-cut])
    expected = (make_epoch(1), make_epoch(2)) if cut == 1 else (make_epoch(1),)
    entry = journal.read("a1")
    assert entry is not None
    assert entry.epochs == expected
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(2), make_epoch(3)])
    entry = journal.read("a1")
    assert entry is not None
    assert entry.epochs == (make_epoch(1), make_epoch(2), make_epoch(3))


def test_lines_of_zeros_are_skipped(journal: Journal, make_trial: MakeTrial) -> None:
    journal.append_trial(make_trial())
    with (journal.folder / "a1.jsonl").open("ab") as file:
        file.write(b"\0" * 500 + b"\xff")
    journal.append_outcome("a1", FINISHED)
    assert journal.outcome("a1") == FINISHED


def test_only_trials_that_ended_are_finished(journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    for key, outcome in {"a1": FINISHED, "b2": INTERRUPTED, "c3": Outcome(TrialStatus.COLLAPSED), "d4": None}.items():
        journal.append_trial(make_trial(key))
        journal.append_epochs(key, [make_epoch(1)])
        if outcome:
            journal.append_outcome(key, outcome)
    assert journal.finished_keys() == {"a1", "c3"}


def test_a_trial_that_is_opened_again_is_open_unless_it_has_a_result(journal: Journal, make_trial: MakeTrial) -> None:
    for outcome, expected in ((INTERRUPTED, None), (Outcome(TrialStatus.FAILED), None), (FINISHED, FINISHED)):
        journal.append_trial(make_trial())
        journal.append_outcome("a1", outcome)
        journal.append_trial(make_trial())
        entry = journal.read("a1")
        assert entry is not None
        assert entry.outcome == journal.outcome("a1") == expected


def test_the_end_is_found_in_a_long_file(journal: Journal, make_trial: MakeTrial) -> None:
    journal.append_trial(make_trial())
    long_epoch = EpochResult(1, 1.0, {}, {"scores/positive": [1] * 100_000})
    journal.append_epochs("a1", [long_epoch])
    assert journal.outcome("a1") is None
    journal.append_outcome("a1", FINISHED)
    assert journal.outcome("a1") == FINISHED


def test_epochs_between_two_sizes(journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    assert journal.size("a1") == 0
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1)])
    start = journal.size("a1")
    journal.append_epochs("a1", [make_epoch(3), make_epoch(2, loss=5.0)])
    journal.append_epochs("a1", [make_epoch(2)])
    journal.append_outcome("a1", FINISHED)
    end = journal.size("a1")
    journal.append_epochs("a1", [make_epoch(4)])
    assert journal.read_epochs("a1", start, end) == (make_epoch(2), make_epoch(3))
    assert journal.read_epochs("a1", 0, start) == (make_epoch(1),)
    assert journal.read_epochs("a1", start, start) == ()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, make_trial: MakeTrial) -> None:
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(TrackingError, match="journal must be a file that can be read and written, but got"):
        Journal(tmp_path / "journal").append_trial(make_trial())


def test_a_full_disk_says_what_to_do(journal: Journal) -> None:
    journal.folder.mkdir(parents=True)
    (journal.folder / "a1.jsonl").symlink_to("/dev/full")
    with pytest.raises(TrackingError, match=r"No space left on device\. Free some space and run the same command"):
        journal.append_outcome("a1", FINISHED)
