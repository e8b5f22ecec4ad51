from collections.abc import Callable
from random import Random

import pytest

from ftlab.running.feed import Assignment
from ftlab.running.stage_feed import StageFeed
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

FINISHED = Outcome(TrialStatus.FINISHED)
FAILED = Outcome(TrialStatus.FAILED, "the worker died")


@pytest.fixture
def trials(make_study: Callable[..., StudySpec]) -> list[Trial]:
    """FT from epoch 2, 5 and 8 of ten."""
    overrides = {"transform.positives": "extrapolate", "train.epochs": 10}
    return expand_trials(make_study(overrides=overrides, grid={"transform.start": [0.2, 0.5, 0.8]}), "data")


def train(feed: StageFeed, trial: Trial, epoch: int) -> None:
    feed.epochs_trained(trial, [EpochResult(epoch, 0.0, {})])


def taken(feed: StageFeed) -> Trial | None:
    assignment = feed.next_assignment()
    return assignment.trial if assignment else None


def test_branches_wait_for_their_forks(trials: list[Trial]) -> None:
    early, middle, late = trials
    feed = StageFeed(trials)
    trunk = feed.next_assignment()
    assert trunk is not None
    assert (trunk.trial, trunk.fork_epochs, trunk.share, trunk.alone) == (middle, frozenset({2, 5}), True, False)
    assert taken(feed) is None
    train(feed, middle, 1)
    assert taken(feed) is None
    train(feed, middle, 2)
    assert taken(feed) is early
    assert not feed.is_exhausted
    assert taken(feed) is None
    train(feed, middle, 5)
    assert taken(feed) is late
    assert feed.is_exhausted
    assert taken(feed) is None


def test_a_trunk_that_fails_leaves_its_branches_to_each_other(trials: list[Trial]) -> None:
    early, middle, late = trials
    feed = StageFeed(trials)
    assert taken(feed) is middle
    train(feed, middle, 2)
    feed.trial_ended(middle, FAILED)
    # The checkpoint after epoch 2 is there; what lay behind it must be trained by the last one alone.
    assert {taken(feed), taken(feed)} == {early, late}
    assert feed.is_exhausted


def test_branches_of_a_failed_trunk_share_what_is_left(make_study: Callable[..., StudySpec]) -> None:
    overrides = {"transform.positives": "extrapolate", "train.epochs": 10}
    grid = {"transform.start": [0.8], "transform.granularity": ["batch", "sample", "element"]}
    trials = expand_trials(make_study(overrides=overrides, grid=grid), "data")
    feed = StageFeed(trials)
    first = taken(feed)
    assert first is trials[0]
    feed.trial_ended(first, FAILED)
    second = feed.next_assignment()
    assert second is not None
    assert (second.trial, second.fork_epochs) == (trials[1], frozenset({8}))
    assert taken(feed) is None
    train(feed, second.trial, 8)
    assert taken(feed) is trials[2]


def test_a_checkpoint_that_exists_frees_a_branch_at_once(trials: list[Trial]) -> None:
    early, middle, late = trials
    feed = StageFeed(trials, {middle.prefix_keys[2 - 1], late.prefix_keys[5 - 1]})
    assert {taken(feed), taken(feed), taken(feed)} == {early, middle, late}


def test_trials_that_come_later_fork_from_those_under_way(trials: list[Trial]) -> None:
    early, middle, late = trials
    feed = StageFeed([early, middle])
    assert taken(feed) is early
    feed.add([late])
    # The running trial promised a state after epoch 2 alone; from there the two others share three more epochs.
    assert taken(feed) is None
    train(feed, early, 2)
    second = feed.next_assignment()
    assert second is not None
    assert second.fork_epochs == {5}
    assert taken(feed) is None
    train(feed, second.trial, 5)
    assert taken(feed) in (middle, late)
    assert feed.is_exhausted


def test_a_finished_trial_changes_nothing(trials: list[Trial]) -> None:
    feed = StageFeed(trials)
    trunk = taken(feed)
    assert trunk is not None
    train(feed, trunk, 2)
    train(feed, trunk, 5)
    feed.trial_ended(trunk, FINISHED)
    assert {taken(feed), taken(feed)} == set(trials) - {trunk}


def test_without_sharing_nobody_waits(trials: list[Trial]) -> None:
    feed = StageFeed(trials, share=False)
    handed_out = [feed.next_assignment() for _ in trials]
    assert [assignment.trial for assignment in handed_out if assignment] == trials
    assert not any(assignment.share or assignment.fork_epochs for assignment in handed_out if assignment)


def test_a_feed_without_trials_is_exhausted() -> None:
    assert StageFeed().is_exhausted


def test_what_another_process_claims_is_left_out(trials: list[Trial]) -> None:
    early, middle, late = trials
    feed = StageFeed(trials, claim=lambda key: key != middle.key)
    trunk = feed.next_assignment()
    assert trunk is not None
    # The branches of the trunk that is trained elsewhere share what they can.
    assert (trunk.trial, trunk.fork_epochs) == (early, frozenset({2}))
    assert feed.elsewhere == [middle]
    assert taken(feed) is None
    train(feed, early, 2)
    assert taken(feed) is late
    assert feed.is_exhausted


class PlanningFeed(StageFeed):
    """The oracle: it plans anew after every change and looks at all waiting trials."""

    def next_assignment(self) -> Assignment | None:
        for stage in list(self._waiting.values()):
            if stage.parent is None or stage.trial.prefix_keys[stage.start_epoch - 1] in self._there:
                break
        else:
            return None
        del self._waiting[stage.trial.key]
        if self._claim(stage.trial.key):
            self._promise(stage)
            return Assignment(stage.trial, stage.fork_epochs, self._share)
        self.elsewhere.append(stage.trial)
        self._plan_anew()
        return self.next_assignment()

    def _plan_anew(self) -> None:
        self._plan([stage.trial for stage in self._waiting.values()])


def events(feed_type: type[StageFeed], trials: list[Trial], *, seed: int, share: bool) -> list[object]:
    """Train with four workers, of which some fail, and with claims that other processes hold."""
    chance = Random(seed)  # noqa: S311 - no secret
    there = {trial.prefix_keys[chance.randrange(trial.epochs)] for trial in chance.sample(trials, 3)}
    taken_elsewhere = {trial.key for trial in trials if chance.random() < 0.2}
    feed = feed_type(trials[:-6], there, share=share, claim=lambda key: key not in taken_elsewhere)
    more, under_way, told = trials[-6:], dict[str, tuple[Trial, int]](), []
    while under_way or more or not feed.is_exhausted:
        while len(under_way) < 4 and (assignment := feed.next_assignment()) is not None:
            told.append(assignment)
            under_way[assignment.trial.key] = assignment.trial, 0
        if more and (not under_way or chance.random() < 0.05):
            feed.add([more.pop()])
        if under_way:
            trial, epoch = under_way.pop(chance.choice(list(under_way)))
            train(feed, trial, epoch + 1)
            if epoch + 1 == trial.epochs or chance.random() < 0.02:
                feed.trial_ended(trial, FINISHED if epoch + 1 == trial.epochs else FAILED)
            else:
                under_way[trial.key] = trial, epoch + 1
    return [*told, *feed.elsewhere]


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_that_of_planning_anew_each_time(make_study: Callable[..., StudySpec], seed: int) -> None:
    overrides = {"transform.positives": "extrapolate", "train.epochs": 10}
    grid = {"transform.start": [0.2, 0.5], "method.key_momentum": [0.9, 0.99], "transform.stop": [0.8, 0.9, 1.0]}
    trials = expand_trials(make_study(overrides=overrides, grid=grid, seeds=2), "data")
    share = seed % 4 > 0
    first, second = (events(feed, trials, seed=seed, share=share) for feed in (StageFeed, PlanningFeed))
    assert first == second
