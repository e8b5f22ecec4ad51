from collections.abc import Callable, Sequence

import pytest

from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.study.stages import Stage, by_urgency, plan_stages

MakeTrials = Callable[..., list[Trial]]
EPOCHS = 10


@pytest.fixture
def make_trials(make_study: Callable[..., StudySpec]) -> MakeTrials:
    """Trials of ten epochs with FT from these fractions of training: `make_trials([0.0, 0.5, "never"], seeds=2)`."""

    def make(starts: Sequence[float | str], *, seeds: int = 1, **grid: list[object]) -> list[Trial]:
        overrides = {"transform.positives": "extrapolate", "train.epochs": EPOCHS}
        study = make_study(overrides=overrides, grid={"transform.start": starts, **grid}, seeds=seeds)
        return expand_trials(study, "data")

    return make


def epochs_of(stages: dict[str, Stage]) -> int:
    return sum(stage.epochs for stage in stages.values())


def fewest_epochs(trials: Sequence[Trial], there: set[str] = frozenset()) -> int:  # type: ignore[assignment]
    """The oracle: states that no checkpoint lies at or behind, each counted once."""
    needed = set()
    for trial in trials:
        behind = max((epoch for epoch, key in enumerate(trial.prefix_keys, 1) if key in there), default=0)
        needed |= set(trial.prefix_keys[behind:])
    return len(needed)


def test_ten_starts_train_less_than_two_thirds(make_trials: MakeTrials) -> None:
    trials = make_trials([start / 10 for start in range(10)])
    stages = plan_stages(trials, set())
    assert epochs_of(stages) == fewest_epochs(trials) == 64
    assert epochs_of(plan_stages(trials, set(), share=False)) == 100


def test_each_seed_has_a_tree_of_its_own(make_trials: MakeTrials) -> None:
    stages = plan_stages(make_trials([0.2, 0.5, "never"], seeds=3), set())
    trunks = [stage for stage in stages.values() if stage.parent is None]
    assert sorted(trunk.trial.config.seed for trunk in trunks) == [0, 1, 2]
    assert epochs_of(stages) == 3 * (10 + 8 + 5)
    for stage in stages.values():
        if stage.parent is not None:
            parent = stages[stage.parent]
            assert parent.trial.config.seed == stage.trial.config.seed
            assert stage.start_epoch in parent.fork_epochs


def test_a_branch_may_be_a_trunk_itself(make_trials: MakeTrials) -> None:
    # Two kinds of FT from epoch 5 on part there; of one kind two stop at epoch 8 and never.
    trials = make_trials([0.5], **{"transform.granularity": ["batch", "sample"], "transform.stop": [0.8, 1.0]})
    stages = plan_stages(trials, set())
    assert epochs_of(stages) == fewest_epochs(trials) == 10 + 2 + 5 + 2
    assert len({stage.parent for stage in stages.values()} - {None}) == 2


def test_trials_that_differ_from_the_start_share_nothing(make_trials: MakeTrials) -> None:
    trials = make_trials(["never"], **{"method.key_momentum": [0.5, 0.9]})
    stages = plan_stages(trials, set())
    assert list(stages.values()) == [Stage(trial, 0) for trial in trials]


def test_a_checkpoint_that_exists_needs_no_parent(make_trials: MakeTrials) -> None:
    trials = make_trials([0.2, 0.5, "never"])
    there = {trials[2].prefix_keys[4 - 1]}
    stages = plan_stages(trials, there)
    # The two late trials share epochs 3 to 5 from the checkpoint on; the early one finds no state after epoch 2.
    assert [stage.start_epoch for stage in stages.values()] == [0, 4, 5]
    assert [stage.saved_epochs for stage in stages.values()] == [0, 0, 1]
    assert epochs_of(stages) == fewest_epochs(trials, there) == 10 + 6 + 5


def test_a_trial_may_wait_for_one_that_is_under_way(make_trials: MakeTrials) -> None:
    running, branch = make_trials([0.8, 0.5])
    promised = {running.prefix_keys[5 - 1]: running.key}
    assert plan_stages([branch], set(), promised)[branch.key] == Stage(branch, 5, running.key, saved_epochs=5)
    # What it did not promise it will not leave.
    promised = {running.prefix_keys[3 - 1]: running.key}
    assert plan_stages([branch], set(), promised)[branch.key].start_epoch == 3


def test_stages_keep_the_order_of_the_trials(make_trials: MakeTrials) -> None:
    trials = make_trials([0.1, 0.9, 0.5], seeds=2)
    assert list(plan_stages(trials, set())) == [trial.key for trial in trials]


def test_the_longest_way_is_the_most_urgent(make_trials: MakeTrials) -> None:
    trials = make_trials([0.8, 0.0, 0.2], seeds=2)
    order = [(stage.trial.cell, stage.trial.config.seed) for stage in by_urgency(plan_stages(trials, set()))]
    trunks = [("start=0.8", 0), ("start=0.8", 1)]
    alone = [("start=0.0", 0), ("start=0.0", 1)]
    assert order == [*trunks, *alone, ("start=0.2", 0), ("start=0.2", 1)]


def test_without_sharing_the_order_is_that_of_the_trials(make_trials: MakeTrials) -> None:
    trials = make_trials([0.1, 0.9, 0.5], seeds=2)
    assert [stage.trial for stage in by_urgency(plan_stages(trials, set(), share=False))] == trials
