import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import NonFiniteLossError
from ftlab.ranks.launch import RankDiedError
from ftlab.running.feed import Assignment
from ftlab.running.ranked_run import RankedRun, run_starter
from ftlab.running.trial_run import Run, TrialRun
from ftlab.study.spec import expand_trials, single_trial_study
from ftlab.tracking.records import TrialStatus
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("_one_thread")

StartTrial = Callable[..., Run]

CPU = torch.device("cpu")
SETTINGS = {
    "transform.positives": "extrapolate",
    "transform.negatives": "interpolate",
    "transform.granularity": "element",
    "transform.start": 0.3,
    "train.epochs": 3,
    "train.channels_last": True,
}


@pytest.fixture
def start_trial(profile: ProfileConfig) -> StartTrial:
    """Start the tiny profile's trial on the digits: `start_trial(home, processes=2, settings={...})`."""

    def start(home: Home, *, processes: int, settings: Mapping[str, Any] | None = None) -> Run:
        fingerprint = load_images(DataConfig(), home).fingerprint
        study = single_trial_study("tiny", profile, 0, {**SETTINGS, **(settings or {})})
        (trial,) = expand_trials(study, fingerprint)
        return run_starter(processes)(Assignment(trial), home, CPU, 0.0)

    return start


def assert_close(found: Sequence[EpochResult], expected: Sequence[EpochResult]) -> None:
    assert [result.epoch for result in found] == [result.epoch for result in expected] != []
    for result, other in zip(found, expected, strict=True):
        assert result.metrics.keys() == other.metrics.keys()
        for name, value in other.metrics.items():
            if not name.endswith("_seconds"):
                # An accuracy moves by 0.2 with one of the 500 test images, an effective rank with its singular values.
                tolerance = 0.5 if name.endswith("top1") else 1e-2 if name.endswith("rankme") else 1e-5
                assert result.metrics[name] == pytest.approx(value, rel=0, abs=tolerance), name
        assert result.histograms.keys() == other.histograms.keys()


Children = Callable[[], list[int]]


@pytest.fixture
def children() -> Children:
    """Processes that a test has started and that have not ended; those of earlier tests are left out."""
    earlier = set(living_children())
    return lambda: [pid for pid in living_children() if pid not in earlier]


def living_children() -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = status.read_text().rpartition(")")
            state, parent, *_ = rest.split()
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(name.split()[0]))
    return found


def test_one_process_trains_where_it_is_started(start_trial: StartTrial, home: Home) -> None:
    assert isinstance(start_trial(home, processes=1), TrialRun)


@pytest.mark.slow
def test_two_processes_train_what_one_trains(start_trial: StartTrial, tmp_path: Path, children: Children) -> None:
    alone = start_trial(Home(str(tmp_path / "alone")), processes=1)
    expected = list(alone.epochs())
    run = start_trial(Home(str(tmp_path / "shared")), processes=2)
    assert isinstance(run, RankedRun)
    assert run.history == []
    assert run.judge() is None
    assert_close(list(run.epochs()), expected)
    assert run.judge() == alone.judge()
    assert children() == []
    # The checkpoint is that of a process alone.
    restored = start_trial(Home(str(tmp_path / "shared")), processes=1)
    assert restored.history == run.history
    assert list(restored.epochs()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 2)])
def test_a_trial_goes_on_with_another_number_of_processes(
    start_trial: StartTrial, home: Home, tmp_path: Path, before: int, after: int
) -> None:
    expected = list(start_trial(Home(str(tmp_path / "alone")), processes=1).epochs())
    stopped = start_trial(home, processes=before)
    for result in stopped.epochs():
        if result.epoch == 2:
            break
    del stopped
    # The processes may be an epoch further than what they reported.
    resumed = start_trial(home, processes=after)
    assert 2 <= len(resumed.history) <= 3
    assert_close([*resumed.history, *resumed.epochs()], expected)


@pytest.mark.slow
def test_a_restored_trial_has_nothing_left(start_trial: StartTrial, home: Home, children: Children) -> None:
    trained = list(start_trial(home, processes=1).epochs())
    run = start_trial(home, processes=2)
    assert run.history == trained
    outcome = run.judge()
    assert outcome is not None
    assert outcome.status in (TrialStatus.FINISHED, TrialStatus.COLLAPSED)
    assert children() == []


@pytest.mark.slow
def test_a_divergence_is_raised_as_it_is(start_trial: StartTrial, home: Home, children: Children) -> None:
    run = start_trial(home, processes=2, settings={"train.learning_rate": 1e30})
    with pytest.raises(NonFiniteLossError, match="became nan in epoch 1"):
        list(run.epochs())
    assert children() == []


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_the_trial(
    start_trial: StartTrial, home: Home, rank: int, children: Children
) -> None:
    run = start_trial(home, processes=2, settings={"train.epochs": 10_000})
    epochs = run.epochs()
    next(epochs)
    os.kill(sorted(children())[rank], signal.SIGKILL)
    killed = time.monotonic()
    with pytest.raises(RankDiedError, match=f"rank {rank} of 2 was killed by SIGKILL"):
        list(epochs)
    assert time.monotonic() - killed < 10.0
    assert children() == []


@pytest.mark.slow
def test_processes_end_with_a_run_that_is_given_up(start_trial: StartTrial, home: Home, children: Children) -> None:
    run = start_trial(home, processes=2, settings={"train.epochs": 10_000})
    next(run.epochs())
    assert len(children()) == 2
    del run
    assert children() == []
