import logging
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ftlab.errors import ArtifactError, TrackingError
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import NullTracker
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)


class FlakyTracker(MemoryTracker):
    """Writes down its calls after doing as told, fails as often as told, and refuses the trial it is told to refuse."""

    def __init__(
        self,
        study: StudyRecord,
        failures: float = 0,
        refused: str = "",
        before: Callable[["FlakyTracker"], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.open_study(study)
        self.failures = failures
        self.refused = refused
        self.before = before
        self.calls: list[tuple[object, ...]] = []

    def open_trial(self, trial: TrialRecord) -> None:
        self._call("open", trial.trial_key)
        super().open_trial(trial)

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        self._call("log", trial_key, *(epoch.epoch for epoch in epochs))
        super().log_epochs(trial_key, epochs)

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        self._call("close", trial_key)
        super().close_trial(trial_key, outcome)

    def _call(self, verb: str, trial_key: str, *epochs: int) -> None:
        self.before(self)
        if self.failures > 0:
            self.failures -= 1
            raise TrackingError("the store is down")
        if trial_key == self.refused:
            raise TrackingError("the store refuses the record")
        self.calls.append((verb, trial_key, *epochs))


class HangingTracker(NullTracker):
    """Does not answer before it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def open_trial(self, trial: TrialRecord) -> None:  # noqa: ARG002
        self.released.wait(60.0)


class SlowTracker(MemoryTracker):
    """Takes a while for each record."""

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        time.sleep(0.05)
        super().log_epochs(trial_key, epochs)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def tracker(study: StudyRecord) -> FlakyTracker:
    return FlakyTracker(study)


@pytest.fixture
def make_writer(journal: Journal) -> Iterator[Callable[..., TrackingWriter]]:
    writers: list[TrackingWriter] = []

    def make(tracker: MemoryTracker | NullTracker, flush_seconds: float = 60.0) -> TrackingWriter:
        writers.append(TrackingWriter(tracker, journal, flush_seconds=flush_seconds))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close(timeout=0.0)


MakeWriter = Callable[..., TrackingWriter]


def test_records_arrive_in_order_and_in_one_batch(
    make_writer: MakeWriter, tracker: FlakyTracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    writer = make_writer(tracker)
    writer.open_trial(make_trial("a1"))
    writer.log_epochs("a1", [make_epoch(1)])
    writer.open_trial(make_trial("b2"))
    writer.log_epochs("a1", [make_epoch(2)])
    writer.close_trial("a1", FINISHED)
    assert tracker.calls == []
    assert writer.num_pending == 5
    assert writer.close() == []
    assert writer.num_pending == 0
    assert tracker.calls == [("open", "a1"), ("log", "a1", 1, 2), ("close", "a1"), ("open", "b2")]
    assert writer.close() == []


def test_records_arrive_while_the_writer_is_open(
    make_writer: MakeWriter, tracker: FlakyTracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    writer = make_writer(tracker, flush_seconds=0.01)
    writer.open_trial(make_trial())
    for number in range(1, 20):
        writer.log_epochs("a1", [make_epoch(number)])
        time.sleep(0.002)
    deadline = time.monotonic() + 10.0
    while len(tracker.epochs.get("a1", {})) < 19 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(tracker.epochs["a1"]) == list(range(1, 20))


def test_epochs_do_not_wait_in_memory(
    make_writer: MakeWriter, tracker: FlakyTracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    writer = make_writer(tracker)
    writer.open_trial(make_trial("a1"))
    epoch = make_epoch(1)
    writer.log_epochs("a1", [epoch])
    forgotten = weakref.ref(epoch)
    del epoch
    assert forgotten() is None
    assert writer.num_pending == 2
    assert writer.close() == []
    assert tracker.epochs["a1"] == {1: make_epoch(1)}


def test_what_comes_while_the_tracker_takes_the_rest_is_delivered_next(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    def interrupt(tracker: FlakyTracker) -> None:
        if not tracker.calls:
            writer.log_epochs("a1", [make_epoch(2)])
            writer.close_trial("a1", Outcome(TrialStatus.INTERRUPTED))
            writer.open_trial(make_trial("a1", name="again"))

    tracker = FlakyTracker(study, before=interrupt)
    writer = make_writer(tracker, flush_seconds=0.1)
    writer.open_trial(make_trial("a1"))
    writer.log_epochs("a1", [make_epoch(1)])
    deadline = time.monotonic() + 10.0
    while writer.num_pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tracker.calls == [("open", "a1"), ("log", "a1", 1), ("open", "a1"), ("log", "a1", 2)]
    assert writer.close() == []


def test_a_journal_that_lost_what_waits_is_named(
    make_writer: MakeWriter,
    tracker: FlakyTracker,
    journal: Journal,
    make_trial: MakeTrial,
    make_epoch: MakeEpoch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer = make_writer(tracker)
    writer.open_trial(make_trial("a1"))
    writer.log_epochs("a1", [make_epoch(1)])
    (journal.folder / "a1.jsonl").unlink()
    assert writer.close(timeout=0.1) == ["a1"]
    writer._thread.join()
    assert "a1.jsonl is shorter than" in caplog.text


def test_a_store_that_is_slow_gets_everything_although_it_takes_longer_than_the_patience(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker = SlowTracker()
    tracker.open_study(study)
    writer = make_writer(tracker)
    keys = [f"a{number}" for number in range(10)]
    for key in keys:
        writer.open_trial(make_trial(key))
        writer.log_epochs(key, [make_epoch(1)])
    assert writer.close(timeout=0.2) == []
    assert sorted(tracker.epochs) == keys


def test_a_store_that_was_down_gets_everything(
    make_writer: MakeWriter,
    study: StudyRecord,
    make_trial: MakeTrial,
    make_epoch: MakeEpoch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = FlakyTracker(study, failures=3)
    writer = make_writer(tracker, flush_seconds=0.01)
    with caplog.at_level(logging.WARNING):
        writer.open_trial(make_trial())
        writer.log_epochs("a1", [make_epoch(1), make_epoch(2)])
        writer.close_trial("a1", FINISHED)
        assert writer.close() == []
    assert tracker.calls == [("open", "a1"), ("log", "a1", 1, 2), ("close", "a1")]
    (warning,) = caplog.records
    assert "until the tracking store takes them: the store is down" in warning.getMessage()


def test_a_refused_trial_does_not_hold_up_the_others(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial
) -> None:
    tracker = FlakyTracker(study, refused="a1")
    writer = make_writer(tracker, flush_seconds=0.01)
    for key in ("a1", "b2", "c3"):
        writer.open_trial(make_trial(key))
    assert writer.close(timeout=0.3) == ["a1"]
    assert tracker.calls == [("open", "b2"), ("open", "c3")]


def test_what_could_not_be_delivered_is_replayed_by_a_later_writer(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker = FlakyTracker(study, failures=float("inf"))
    writer = make_writer(tracker, flush_seconds=0.01)
    for key in ("a1", "b2"):
        writer.open_trial(make_trial(key))
        writer.log_epochs(key, [make_epoch(1), make_epoch(2)])
    writer.close_trial("a1", Outcome(TrialStatus.FINISHED, tags={"train.compiled": "no"}))
    assert writer.close(timeout=0.1) == ["a1", "b2"]
    assert writer.close(timeout=0.1) == ["a1", "b2"]
    writer._thread.join()  # it may be in the middle of a last attempt
    assert tracker.calls == []

    later = make_writer(tracker)
    assert later.replay(["a1", "b2", "unknown"]) == []
    tracker.failures = 0
    assert later.replay(["a1", "b2", "unknown"]) == ["a1"]
    assert later.replay(["a1", "b2", "unknown"]) == []
    assert tracker.calls == [("open", "a1"), ("log", "a1", 1, 2), ("close", "a1")]
    assert tracker.load_trials()[["trial_key", "status"]].values.tolist() == [["a1", "finished"]]
    assert tracker.load_trials()["tags"].to_list() == [{"git.commit": "abc", "train.compiled": "no"}]


def test_a_study_takes_in_the_trials_of_one_the_store_never_saw(
    make_writer: MakeWriter, tracker: FlakyTracker, make_trial: MakeTrial
) -> None:
    offline = make_writer(NullTracker())
    offline.open_trial(make_trial(study="queue/digits"))
    offline.close_trial("a1", FINISHED)
    offline.close()
    assert make_writer(tracker).replay(["a1"], study="momentum/digits") == ["a1"]
    assert tracker.load_trials()["study"].to_list() == ["momentum/digits"]


def test_a_continued_trial_hands_on_what_a_crash_kept_from_the_store(
    make_writer: MakeWriter, journal: Journal, tracker: FlakyTracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    journal.append_trial(make_trial())
    journal.append_epochs("a1", [make_epoch(1), make_epoch(2)])
    writer = make_writer(tracker)
    writer.open_trial(make_trial())
    writer.log_epochs("a1", [make_epoch(3)])
    assert writer.close() == []
    assert tracker.calls == [("open", "a1"), ("log", "a1", 1, 2, 3)]


def test_a_hanging_store_holds_up_nothing(make_writer: MakeWriter, make_trial: MakeTrial) -> None:
    tracker = HangingTracker()
    writer = make_writer(tracker, flush_seconds=0.01)
    writer.open_trial(make_trial())
    time.sleep(0.1)
    started = time.monotonic()
    writer.close_trial("a1", FINISHED)
    assert writer.close(timeout=0.1) == ["a1"]
    assert time.monotonic() - started < 5.0
    tracker.released.set()
    assert writer.close(timeout=10.0) == []


class RefusingTracker(FlakyTracker):
    """Fails for good at one verb, in all but that of files after taking the record."""

    def __init__(self, study: StudyRecord, verb: str, error: type[TrackingError] = TrackingError) -> None:
        super().__init__(study)
        self.verb = verb
        self.error = error

    def _call(self, verb: str, trial_key: str, *epochs: int) -> None:
        super()._call(verb, trial_key, *epochs)
        if verb == self.verb and self.error is TrackingError:
            raise TrackingError(f"the store refuses to {verb}")

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        super().close_trial(trial_key, outcome)
        if self.verb == "close" and self.error is ArtifactError:
            raise ArtifactError("files must be stored at mlflow-artifacts:/1, but were refused: no server")


@pytest.mark.parametrize("verb", ["open", "log", "close"])
def test_closing_ends_although_verbs_before_the_one_that_fails_for_good_succeed(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch, verb: str
) -> None:
    writer = make_writer(RefusingTracker(study, verb), flush_seconds=0.01)
    # A trial of many epochs streams its records, each by a verb of its own.
    writer.open_trial(make_trial())
    time.sleep(0.05)
    writer.log_epochs("a1", [make_epoch(1)])
    time.sleep(0.05)
    writer.close_trial("a1", FINISHED)
    started = time.monotonic()
    assert writer.close(timeout=0.2) == ["a1"]
    assert time.monotonic() - started < 5.0


def test_a_refused_file_is_no_store_that_is_away(
    make_writer: MakeWriter,
    study: StudyRecord,
    make_trial: MakeTrial,
    make_epoch: MakeEpoch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = RefusingTracker(study, "close", ArtifactError)
    writer = make_writer(tracker, flush_seconds=0.01)
    for key in ("a1", "b2"):
        writer.open_trial(make_trial(key))
        writer.log_epochs(key, [make_epoch(1)])
        writer.close_trial(key, FINISHED)
    started = time.monotonic()
    assert writer.close() == []
    assert time.monotonic() - started < 5.0
    assert list(writer.refused) == ["a1", "b2"]
    assert "mlflow-artifacts:/1" in writer.refused["a1"]
    assert tracker.load_trials()["status"].to_list() == ["finished", "finished"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "The tracking store takes records, but refuses files"
    ]


def test_files_that_were_refused_are_stored_at_the_end(
    make_writer: MakeWriter, study: StudyRecord, make_trial: MakeTrial
) -> None:
    tracker = RefusingTracker(study, "close", ArtifactError)
    writer = make_writer(tracker, flush_seconds=0.01)
    writer.open_trial(make_trial())
    writer.close_trial("a1", FINISHED)
    deadline = time.monotonic() + 5.0
    while not writer.refused and time.monotonic() < deadline:
        time.sleep(0.01)
    tracker.verb = ""
    assert writer.close() == []
    assert writer.refused == {}


def test_ctrl_c_ends_the_waiting_for_a_store(make_writer: MakeWriter, make_trial: MakeTrial) -> None:
    tracker = HangingTracker()
    writer = make_writer(tracker, flush_seconds=0.01)
    writer.open_trial(make_trial())
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    assert writer.close() == ["a1"]
    assert time.monotonic() - started < 5.0
    signal.signal(signal.SIGINT, previous)
    tracker.released.set()
