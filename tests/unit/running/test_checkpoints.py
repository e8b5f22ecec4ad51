import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftlab.config.home import Home
from ftlab.running.checkpoints import CheckpointCollector, checkpoint_names, checkpoints_folder, existing_checkpoints
from ftlab.storage.folder import ABANDONED_AFTER_SECONDS, WRITING_PREFIX
from ftlab.study.identity import prefix_key
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.training.checkpoint import CheckpointStore

MakeStudy = Callable[..., StudySpec]

FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}


@pytest.fixture(params=["local", "s3"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A home on a disk, and one in an object store."""
    return Home(str(tmp_path) if request.param == "local" else request.getfixturevalue("object_store").make_location())


@pytest.fixture
def trials(make_study: MakeStudy) -> list[Trial]:
    """FT from the start, from epoch 2 of 4, and never."""
    study = make_study(overrides={**FT, "train.epochs": 4}, grid={"transform.start": [0.0, 0.5, "never"]})
    return expand_trials(study, "data")


@pytest.fixture
def leave_checkpoint(home: Home) -> Callable[[Trial, int], str]:
    """Write a file with the name of a trial's checkpoint; what it holds is not read here."""

    def leave(trial: Trial, epoch: int) -> str:
        name = prefix_key(trial.config, trial.fingerprint, epoch)
        checkpoints_folder(home).write(f"{name}.ckpt", b"")
        return name

    return leave


def names_in(home: Home) -> set[str]:
    return set(CheckpointStore(checkpoints_folder(home)).names())


def test_a_trial_could_start_from_any_of_its_epochs_shared_or_its_own(trials: list[Trial]) -> None:
    assert len(checkpoint_names(trials[0])) == 4 + 4


def test_what_exists_is_told_by_name(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    assert existing_checkpoints(home) == set()
    left = {leave_checkpoint(trials[0], 1), leave_checkpoint(trials[2], 3)}
    assert existing_checkpoints(home) == left


def test_only_unclaimed_checkpoints_are_collected(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    early, late, never = trials
    shared, own, other = leave_checkpoint(never, 2), leave_checkpoint(never, 3), leave_checkpoint(early, 1)
    collector = CheckpointCollector(home, "one")
    collector.claim([late])
    assert collector.collect() == 2
    assert names_in(home) == {shared}
    assert not {own, other} & names_in(home)


def test_studies_respect_each_others_claims(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    early, _, never = trials
    of_early, of_never = leave_checkpoint(early, 1), leave_checkpoint(never, 3)
    one, two = CheckpointCollector(home, "one"), CheckpointCollector(home, "two")
    one.claim([early])
    two.claim([never])
    assert one.collect() == 0
    one.claim([])
    assert one.collect() == 1
    assert names_in(home) == {of_never}
    two.claim([])
    assert two.collect() == 1
    assert of_early not in names_in(home)


def test_a_claim_outlives_its_process(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    kept = leave_checkpoint(trials[0], 1)
    CheckpointCollector(home, "killed").claim(trials)
    assert CheckpointCollector(home, "other").collect() == 0
    assert names_in(home) == {kept}


def test_giving_up_what_was_never_claimed_is_no_error(home: Home) -> None:
    collector = CheckpointCollector(home, "one")
    collector.claim([])
    assert collector.collect() == 0


def test_an_ended_trial_leaves_what_others_may_start_from(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    early, late, never = trials
    shared, own, own_too = leave_checkpoint(never, 2), leave_checkpoint(never, 3), leave_checkpoint(never, 4)
    of_another_study = leave_checkpoint(early, 1)
    CheckpointCollector(home, "other").claim([early])
    collector = CheckpointCollector(home, "one")
    collector.claim([early, late, never])
    collector.release(never)
    assert names_in(home) == {shared, of_another_study}
    assert not {own, own_too} & names_in(home)
    collector.release(late)
    assert names_in(home) == {of_another_study}
    collector.release(early)
    assert names_in(home) == {of_another_study}


def test_what_a_study_leaves_while_another_collects_is_kept(
    trials: list[Trial], home: Home, leave_checkpoint: Callable[[Trial, int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = CheckpointStore.names

    def names_while_a_study_begins(store: CheckpointStore) -> Iterator[str]:
        found = list(names(store))
        CheckpointCollector(home, "beginning").claim(trials)
        leave_checkpoint(trials[0], 1)
        return iter(found)

    monkeypatch.setattr(CheckpointStore, "names", names_while_a_study_begins)
    assert CheckpointCollector(home, "ending").collect() == 0
    monkeypatch.undo()
    assert len(names_in(home)) == 1


def test_what_a_killed_worker_left_half_written_is_collected_an_hour_later(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    for name in ("old", "new"):
        checkpoints_folder(home).write(f"{WRITING_PREFIX}{name}", b"half")
    before = time.time() - ABANDONED_AFTER_SECONDS - 60
    os.utime(home / "checkpoints" / f"{WRITING_PREFIX}old", (before, before))
    assert CheckpointCollector(home, "one").collect() == 0
    assert [path.name for path in (home / "checkpoints").iterdir()] == [f"{WRITING_PREFIX}new"]


def test_a_claim_that_an_earlier_version_did_not_finish_is_no_claim(home: Home) -> None:
    home.shared("plans").write("0123456789abcdef.writing", b"{")
    assert CheckpointCollector(home, "one").collect() == 0
