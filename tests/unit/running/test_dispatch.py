from collections.abc import Callable, Sequence

import pytest

from ftlab.running.dispatch import Dispatcher
from ftlab.running.feed import Assignment
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

FINISHED = Outcome(TrialStatus.FINISHED)


class ListFeed:
    """The feed that hands out a list."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = list(trials)
        self.ended: list[tuple[Trial, Outcome]] = []

    @property
    def is_exhausted(self) -> bool:
        return not self._trials

    def next_assignment(self) -> Assignment | None:
        return Assignment(self._trials.pop(0), frozenset({1})) if self._trials else None

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        pass

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.ended.append((trial, outcome))


@pytest.fixture
def trials(make_study: Callable[..., StudySpec]) -> list[Trial]:
    return expand_trials(make_study(grid={"method.key_momentum": [0.5, 0.6, 0.7, 0.8]}), "data")


@pytest.fixture
def feed(trials: list[Trial]) -> ListFeed:
    return ListFeed(trials)


def test_no_more_trials_are_handed_out_than_may_be_under_way(trials: list[Trial], feed: ListFeed) -> None:
    dispatcher = Dispatcher(feed, max_under_way=3, max_failures=0)
    assert [dispatcher.next_assignment() for _ in range(3)] == [
        Assignment(trial, frozenset({1})) for trial in trials[:3]
    ]
    assert dispatcher.next_assignment() is None
    dispatcher.ended(trials[1].key, FINISHED)
    assert feed.ended == [(trials[1], FINISHED)]
    last = dispatcher.next_assignment()
    assert last is not None
    assert last.trial is trials[3]


def test_nothing_is_finished_while_a_trial_may_come_back(trials: list[Trial]) -> None:
    dispatcher = Dispatcher(ListFeed(trials[:1]), max_under_way=2, max_failures=1)
    assert not dispatcher.is_finished
    dispatcher.next_assignment()
    assert not dispatcher.is_finished
    assert dispatcher.worker_died(trials[0].key, "killed") is None
    assert not dispatcher.is_finished
    dispatcher.next_assignment()
    dispatcher.ended(trials[0].key, FINISHED)
    assert dispatcher.is_finished


def test_a_trial_is_tried_again_as_often_as_allowed(trials: list[Trial], feed: ListFeed) -> None:
    dispatcher = Dispatcher(feed, max_under_way=2, max_failures=2)
    first = dispatcher.next_assignment()
    for _ in range(2):
        assert dispatcher.worker_died(trials[0].key, "killed") is None
        assert dispatcher.next_assignment() == first
    outcome = dispatcher.worker_died(trials[0].key, "killed")
    assert outcome == Outcome(TrialStatus.FAILED, "killed")
    assert feed.ended == [(trials[0], outcome)]
    following = dispatcher.next_assignment()
    assert following is not None
    assert following.trial is trials[1]


def test_what_ran_out_of_memory_is_tried_again_alone_and_once(trials: list[Trial], feed: ListFeed) -> None:
    dispatcher = Dispatcher(feed, max_under_way=3, max_failures=0)
    dispatcher.next_assignment()
    assert dispatcher.out_of_memory(trials[0].key, "no room") is None
    assert dispatcher.next_assignment() == Assignment(trials[0], frozenset({1}), alone=True)
    outcome = dispatcher.out_of_memory(trials[0].key, "no room")
    assert outcome == Outcome(TrialStatus.FAILED, "out of memory, alone on its device: no room")
    assert feed.ended == [(trials[0], outcome)]
