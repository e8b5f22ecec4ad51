from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.training.checkpoint import CheckpointStore
from ftlab.tuning.checkpoints import CheckpointCollector, checkpoint_names, checkpoints_folder, existing_checkpoints
from ftlab.tuning.identity import prefix_key
from ftlab.tuning.spec import StudySpec, Trial, expand_trials

MakeStudy = Callable[..., StudySpec]

FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}


@pytest.fixture
def trials(make_study: MakeStudy) -> list[Trial]:
    """FT from the start, from epoch 2 of 4, and never."""
    study = make_study(overrides={**FT, "train.epochs": 4}, grid={"transform.start": [0.0, 0.5, "never"]})
    return expand_trials(study, "data")


@pytest.fixture
def leave_checkpoint(home: Path) -> Callable[[Trial, int], str]:
    """Write a file with the name of a trial's checkpoint; what it holds is not read here."""

    def leave(trial: Trial, epoch: int) -> str:
        name = prefix_key(trial.config, trial.fingerprint, epoch)
        checkpoints_folder(home).mkdir(parents=True, exist_ok=True)
        (checkpoints_folder(home) / f"{name}.ckpt").touch()
        return name

    return leave


def names_in(home: Path) -> set[str]:
    return set(CheckpointStore(checkpoints_folder(home)).names())


def test_a_trial_could_start_from_any_of_its_epochs_shared_or_its_own(trials: list[Trial]) -> None:
    assert len(checkpoint_names(trials[0])) == 4 + 4


def test_what_exists_is_told_by_name(
    trials: list[Trial], home: Path, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    assert existing_checkpoints(home) == set()
    left = {leave_checkpoint(trials[0], 1), leave_checkpoint(trials[2], 3)}
    assert existing_checkpoints(home) == left


def test_only_unclaimed_checkpoints_are_collected(
    trials: list[Trial], home: Path, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    early, late, never = trials
    shared, own, other = leave_checkpoint(never, 2), leave_checkpoint(never, 3), leave_checkpoint(early, 1)
    collector = CheckpointCollector(home, "one")
    collector.claim([late])
    assert collector.collect() == 2
    assert names_in(home) == {shared}
    assert not {own, other} & names_in(home)


def test_studies_respect_each_others_claims(
    trials: list[Trial], home: Path, leave_checkpoint: Callable[[Trial, int], str]
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
    trials: list[Trial], home: Path, leave_checkpoint: Callable[[Trial, int], str]
) -> None:
    kept = leave_checkpoint(trials[0], 1)
    CheckpointCollector(home, "killed").claim(trials)
    assert CheckpointCollector(home, "other").collect() == 0
    assert names_in(home) == {kept}


def test_giving_up_what_was_never_claimed_is_no_error(home: Path) -> None:
    collector = CheckpointCollector(home, "one")
    collector.claim([])
    assert collector.collect() == 0


def test_an_ended_trial_leaves_what_others_may_start_from(
    trials: list[Trial], home: Path, leave_checkpoint: Callable[[Trial, int], str]
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
