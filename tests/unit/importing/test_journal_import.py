import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from math import nan
from typing import Any

import pandas as pd
import pytest

from ftlab.errors import TrackingError
from ftlab.importing.event import RecordError
from ftlab.importing.journal_import import Fate, JournalImport
from ftlab.importing.trial_file import read_trial_file
from ftlab.machine.hardware import Hardware
from ftlab.running.claims import TrialClaims
from ftlab.running.recorder import trial_record
from ftlab.tracking.journal import Journal
from ftlab.tracking.journal_line import Seal, check_seal
from ftlab.tracking.records import Outcome, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

Lab = Any  # of conftest.py
MakeImport = Callable[..., JournalImport]

OURS = Hardware(cpu="an EPYC", cores="2", device="cpu", threads=1, together=2)
HOLD = """
import sys
from pathlib import Path
from ftlab.tracking.journal import Journal
from ftlab.running.claims import TrialClaims
claims = TrialClaims(Path(sys.argv[1]), Journal(Path(sys.argv[1])))
print(claims.take(sys.argv[2]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def make_import(ours: Lab) -> Iterator[MakeImport]:
    """Begin an import into this home: `make_import()`; `recorded` is what its store holds."""
    with TrialClaims(ours.folder / "locks", ours.journal) as claims:
        yield lambda recorded=None: JournalImport(
            ours.journal, claims, trials_frame([]) if recorded is None else recorded
        )


def stored(key: str, status: TrialStatus = TrialStatus.FINISHED, reason: str = "", **metrics: float) -> pd.DataFrame:
    """Return a store's frame of one trial."""
    row = {"trial_key": key, "status": str(status), "reason": reason}
    return trials_frame([{**row, **{name.replace("_top1", "/top1"): value for name, value in metrics.items()}}])


def test_a_trial_is_brought_in_as_it_is_and_once(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    path = lab.record(metrics=(50.0, nan), outcome=Outcome(TrialStatus.COLLAPSED, "flat", {"train.compiled": "no"}))
    file = read_trial_file(path)
    assert make_import().take_in(file) is Fate.ADDED
    copy = ours.trials / path.name
    assert copy.read_bytes() == path.read_bytes()
    assert [entry.name for entry in ours.trials.iterdir()] == [path.name]
    assert make_import().take_in(file) is Fate.KNOWN
    assert copy.read_bytes() == path.read_bytes()
    entry = ours.journal.read(file.key)
    assert entry is not None
    assert entry.trial.tags["hardware.device"] == "NVIDIA H100"
    assert entry.outcome == file.outcome


@pytest.mark.parametrize("outcome", [None, Outcome(TrialStatus.INTERRUPTED, "Ctrl-C"), Outcome(TrialStatus.RUNNING)])
def test_a_trial_that_had_not_ended_is_left_out(
    lab: Lab, ours: Lab, make_import: MakeImport, outcome: Outcome | None
) -> None:
    assert make_import().take_in(read_trial_file(lab.record(outcome=outcome))) is Fate.OPEN
    assert not ours.trials.exists()


def test_a_result_of_this_home_stays(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    path = ours.record(metrics=(40.0, 61.0))
    before = path.read_bytes()
    work = make_import()
    file = read_trial_file(lab.record())
    assert work.take_in(file) is Fate.DIFFERING
    assert work.differences == [f"exp/tiny, trial seed 0 ({file.key}): knn/top1 61.0 here, 60.5 there"]
    assert path.read_bytes() == before


def test_durations_and_hardware_are_no_difference(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    ours.record(hardware=OURS, metrics=(1.0, nan))
    path = lab.record(metrics=(2.0, nan))
    work = make_import()
    assert work.take_in(read_trial_file(path)) is Fate.KNOWN
    assert work.differences == []


def test_another_end_is_a_difference(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    ours.record(metrics=(), outcome=Outcome(TrialStatus.FAILED, "diverged: NaN"))
    work = make_import()
    assert work.take_in(read_trial_file(lab.record())) is Fate.DIFFERING
    assert work.differences[0].endswith("failed here, finished there")


@pytest.mark.parametrize("end", [None, Outcome(TrialStatus.INTERRUPTED), Outcome(TrialStatus.FAILED, "it died")])
def test_a_trial_that_was_begun_here_goes_on_with_the_result(
    lab: Lab, ours: Lab, make_import: MakeImport, end: Outcome | None
) -> None:
    begun = ours.record(metrics=[33.0], outcome=end, hardware=OURS)
    before, theirs = begun.read_bytes(), lab.record()
    assert make_import().take_in(read_trial_file(theirs)) is Fate.ADDED
    assert begun.read_bytes() == before + theirs.read_bytes()
    entry = ours.journal.read(begun.stem)
    assert entry is not None
    assert entry.outcome == Outcome(TrialStatus.FINISHED)
    assert [epoch.metrics["knn/top1"] for epoch in entry.epochs] == [50.0, 60.5]
    assert entry.trial.tags["hardware.cpu"] == "a Xeon"
    assert make_import().take_in(read_trial_file(theirs)) is Fate.KNOWN


def test_a_line_that_was_cut_off_here_swallows_none_of_theirs(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    begun, theirs = ours.record(outcome=None), lab.record()
    begun.write_bytes(begun.read_bytes()[:-10])
    before = begun.read_bytes()
    assert make_import().take_in(read_trial_file(theirs)) is Fate.ADDED
    assert begun.read_bytes() == before + b"\n" + theirs.read_bytes()
    assert [check_seal(line) for line in begun.read_bytes().splitlines()[-4:]] == [Seal.INTACT] * 4


def test_an_accident_goes_in_only_where_nothing_of_the_trial_is(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    accident = Outcome(TrialStatus.FAILED, "out of memory")
    path = lab.record(metrics=[50.0], outcome=accident)
    file = read_trial_file(path)
    assert make_import(stored(file.key, TrialStatus.INTERRUPTED)).take_in(file) is Fate.KNOWN
    assert not ours.trials.exists()
    assert make_import().take_in(file) is Fate.ADDED
    assert make_import().take_in(file) is Fate.KNOWN
    assert (ours.trials / path.name).read_bytes() == path.read_bytes()
    begun = ours.record(1, metrics=[33.0], outcome=None)
    before = begun.read_bytes()
    assert make_import().take_in(read_trial_file(lab.record(1, metrics=[50.0], outcome=accident))) is Fate.KNOWN
    assert begun.read_bytes() == before


def test_a_result_that_the_store_alone_has_stays(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    file = read_trial_file(lab.record(metrics=(50.0, nan)))
    assert make_import(stored(file.key, knn_top1=nan)).take_in(file) is Fate.KNOWN
    work = make_import(stored(file.key, knn_top1=61.0))
    assert work.take_in(file) is Fate.DIFFERING
    assert work.differences[0].endswith("knn/top1 61.0 here, nan there")
    assert make_import(stored(file.key, TrialStatus.FAILED, "diverged: NaN")).take_in(file) is Fate.DIFFERING
    assert not ours.trials.exists()
    assert make_import(stored(file.key, TrialStatus.FAILED, "it died")).take_in(file) is Fate.ADDED


def test_a_trial_that_is_trained_here_is_left_out(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    begun, other = ours.record(outcome=None), lab.record(1)
    before = begun.read_bytes()
    theirs = lab.record()
    work = make_import()
    command = [sys.executable, "-c", HOLD, str(ours.folder / "locks"), begun.stem]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert work.take_in(read_trial_file(theirs)) is Fate.CLAIMED
        assert work.take_in(read_trial_file(other)) is Fate.ADDED
        process.kill()
    assert begun.read_bytes() == before
    assert make_import().take_in(read_trial_file(theirs)) is Fate.ADDED


def test_a_sweep_may_train_what_was_not_brought_in(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    path = lab.record()
    file = read_trial_file(path)
    lab.journal.append_epochs(file.key, [EpochResult(2, 1.0, {})])
    with pytest.raises(RecordError, match="has changed"):
        make_import().take_in(file)
    assert not ours.trials.exists()
    command = [sys.executable, "-c", HOLD, str(ours.folder / "locks"), file.key]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"


def test_what_is_brought_in_is_settled_for_sweeps(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    file = read_trial_file(lab.record())
    make_import().take_in(file)
    with TrialClaims(ours.folder / "locks", Journal(ours.trials)) as claims:
        assert not claims.take(file.key)
        assert claims.is_settled(file.key)
    # As if a sweep of this home began it: a result keeps its lines.
    ours.journal.append_trial(trial_record(ours.trial(), "exp/tiny", OURS))
    assert read_trial_file(ours.trials / file.path.name).digest == file.digest


def test_a_full_disk_leaves_the_journal_as_it_was(lab: Lab, ours: Lab, make_import: MakeImport) -> None:
    begun = ours.record(outcome=None)
    before = begun.read_bytes()
    file, work = read_trial_file(lab.record()), make_import()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
        with pytest.raises(
            TrackingError, match=r"journal must be a file that can be read and written, but got .*too large"
        ):
            work.take_in(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name: path.read_bytes() for path in ours.trials.iterdir()} == {begun.name: before}
    assert work.take_in(file) is Fate.ADDED
