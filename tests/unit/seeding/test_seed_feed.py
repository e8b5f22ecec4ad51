from collections import deque
from collections.abc import Callable, Sequence
from math import nan

import numpy as np
import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.running.feed import Assignment
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.pairing import Decision
from ftlab.seeding.seed_feed import SeedFeed
from ftlab.study.spec import StudySpec, Trial
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

MakeStudy = Callable[..., StudySpec]
RecordTrials = Callable[..., pd.DataFrame]
MakeFeed = Callable[..., SeedFeed]

METRIC = "probe/few_shot_top1"
LOW, BASE, NEAR = "key_momentum=0.5", "key_momentum=0.9", "key_momentum=0.99"
FINISHED = Outcome(TrialStatus.FINISHED)


class QueueFeed:
    """Hands trials out in the order of their coming, and leaves those named in `taken` to another process."""

    def __init__(self) -> None:
        self.queue: deque[Trial] = deque()
        self.elsewhere: list[Trial] = []
        self.taken: set[str] = set()
        self.heard: list[str] = []
        self.elsewhere: list[Trial] = []
        self.is_ready = True

    @property
    def is_exhausted(self) -> bool:
        return not self.queue

    def add(self, trials: Sequence[Trial]) -> None:
        self.queue.extend(trials)

    def next_assignment(self) -> Assignment | None:
        while self.queue and self.queue[0].name in self.taken:
            self.elsewhere.append(self.queue.popleft())
        return Assignment(self.queue.popleft()) if self.queue and self.is_ready else None

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        self.heard.append(f"{trial.name}: {len(epochs)}")

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.heard.append(f"{trial.name}: {outcome.status}")


@pytest.fixture
def inner() -> QueueFeed:
    return QueueFeed()


@pytest.fixture
def make_feed(make_study: MakeStudy, record_trials: RecordTrials, inner: QueueFeed) -> MakeFeed:
    study = make_study(grid={"method.key_momentum": [0.5, 0.9, 0.99]}, baseline=BASE, seeds=5)

    def make(
        recorded: dict[tuple[str, int], tuple[object, ...]] | None = None, max_trials: int | None = None
    ) -> SeedFeed:
        return SeedFeed(inner, study, "data", record_trials(recorded or {}), AutoSeeds(max_trials=max_trials))

    return make


def value_of(trial: Trial) -> float:
    """A cell far below, and two that are too close and too noisy to be told apart early."""
    noise = float(np.random.default_rng([trial.config.seed, len(trial.cell)]).normal())
    return {LOW: 20.0, BASE: 90.0, NEAR: 91.5}[trial.cell] + noise


def finish(feed: SeedFeed, trial: Trial, value: float | None = None) -> None:
    metrics = {METRIC: value_of(trial) if value is None else value}
    feed.epochs_trained(trial, [EpochResult(1, 0.0, {METRIC: 1.0}), EpochResult(2, 1.0, {"pretrain/loss": 1.0})])
    feed.epochs_trained(trial, [EpochResult(3, 2.0, metrics)])
    feed.trial_ended(trial, FINISHED)


def run(feed: SeedFeed, num_workers: int) -> list[Trial]:
    """Train all trials on some workers, first in, first out; return them in the order of their beginning."""
    begun: list[Trial] = []
    running: deque[Trial] = deque()
    while True:
        while len(running) < num_workers and (assignment := feed.next_assignment()):
            running.append(assignment.trial)
            begun.append(assignment.trial)
        if not running:
            return begun
        finish(feed, running.popleft())


def seeds_by_cell(trials: Sequence[Trial]) -> dict[str, list[int]]:
    return {cell: sorted(t.config.seed for t in trials if t.cell == cell) for cell in (LOW, BASE, NEAR)}


@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_every_cell_gets_its_first_seeds_and_open_cells_get_more(make_feed: MakeFeed, num_workers: int) -> None:
    feed = make_feed()
    trials = run(feed, num_workers)
    assert [trial.config.seed for trial in trials[:15]] == [seed for seed in range(5) for _ in range(3)]
    seeds = seeds_by_cell(trials)
    assert 5 <= len(seeds[LOW]) < len(seeds[NEAR]) <= 10
    assert all(found == list(range(len(found))) for found in seeds.values())
    assert len({trial.key for trial in trials}) == len(trials)
    assert feed.is_exhausted
    assert feed.allocation.is_settled
    low = feed.allocation.standings[LOW].against_baseline
    assert low is not None
    assert low.decision is Decision.BELOW


def test_the_bound_counts_all_trials_of_the_table(make_feed: MakeFeed) -> None:
    recorded = {(NEAR, seed): ("finished", 91.0 + seed) for seed in range(5)}
    feed = make_feed(recorded, max_trials=18)
    trials = run(feed, 2)
    assert len(trials) + len(recorded) in (17, 18)
    assert feed.is_exhausted
    assert not feed.allocation.is_settled


def test_a_bound_below_the_first_seeds_is_refused(make_feed: MakeFeed, inner: QueueFeed) -> None:
    with pytest.raises(ConfigError, match=r"MAX_TRIALS must hold .* nearest valid: 15"):
        make_feed(max_trials=14)
    assert not inner.queue


def test_settled_tables_train_nothing(make_feed: MakeFeed) -> None:
    feed = make_feed()
    trials = run(feed, 1)
    recorded = {(trial.cell, trial.config.seed): ("finished", value_of(trial)) for trial in trials}
    again = make_feed(recorded)
    assert again.is_exhausted
    assert again.next_assignment() is None


def test_accidents_are_trained_again_and_results_are_not(make_feed: MakeFeed) -> None:
    recorded: dict[tuple[str, int], tuple[object, ...]] = {
        (cell, seed): ("finished", value) for cell, value in ((LOW, 20.0), (BASE, 90.0)) for seed in range(5)
    }
    recorded[NEAR, 0] = ("failed", nan, "the worker died")
    recorded[NEAR, 1] = ("failed", nan, "diverged: the loss became NaN")
    recorded[NEAR, 2] = ("interrupted", nan)
    trials = run(make_feed(recorded), 1)
    assert [trial.name for trial in trials[:4]] == [f"{NEAR} seed {seed}" for seed in (0, 2, 3, 4)]
    assert all(trial.cell != NEAR for trial in trials[4:])


def test_a_trial_that_waits_for_another_adds_no_further_ones(make_feed: MakeFeed, inner: QueueFeed) -> None:
    feed = make_feed()
    inner.is_ready = False
    assert [feed.next_assignment(), feed.next_assignment()] == [None, None]
    assert len(inner.queue) == 15
    assert not feed.is_exhausted


def test_a_free_worker_begins_the_seeds_up_to_the_next_look_and_then_waits(make_feed: MakeFeed) -> None:
    values = {LOW: [20.0] * 5, BASE: [90.0, 90.1, 90.3, 90.2, 90.0], NEAR: [89.9, 89.1, 89.8, 89.3, 89.9]}
    settled = {(cell, seed): ("finished", value) for cell, of in values.items() for seed, value in enumerate(of)}
    feed = make_feed(settled)
    handed_out = [assignment.trial for assignment in iter(feed.next_assignment, None)]
    assert [trial.name for trial in handed_out] == [
        f"{cell} seed {seed}" for seed in (5, 6, 7) for cell in (NEAR, BASE)
    ]
    assert not feed.is_exhausted
    for trial in handed_out[:4]:
        finish(feed, trial, {NEAR: 89.4, BASE: 90.1}[trial.cell])
    opened = [assignment.trial.name for assignment in iter(feed.next_assignment, None)]
    assert opened == [f"{cell} seed {seed}" for seed in (8, 9) for cell in (NEAR, BASE)]


def test_what_another_process_trains_is_done_without(make_feed: MakeFeed, inner: QueueFeed) -> None:
    inner.taken = {f"{NEAR} seed 2", f"{NEAR} seed 3"}
    feed = make_feed()
    names = [trial.name for trial in run(feed, 2)]
    assert not inner.taken.intersection(names)
    assert f"{NEAR} seed 4" in names
    assert [trial.name for trial in feed.elsewhere] == sorted(inner.taken)
    assert feed.is_exhausted


def test_an_interrupted_trial_has_no_value_and_is_not_asked_for_again(make_feed: MakeFeed) -> None:
    feed = make_feed()
    first = feed.next_assignment()
    assert first is not None
    feed.epochs_trained(first.trial, [EpochResult(1, 0.0, {METRIC: 50.0})])
    feed.trial_ended(first.trial, Outcome(TrialStatus.INTERRUPTED))
    assert first.trial.key not in {trial.key for trial in run(feed, 1)}


def test_a_failed_trial_that_the_inner_feed_offers_again_counts_with_its_last_end(
    make_feed: MakeFeed, inner: QueueFeed
) -> None:
    feed = make_feed()
    first = feed.next_assignment()
    assert first is not None
    feed.trial_ended(first.trial, Outcome(TrialStatus.FAILED, "out of memory"))
    inner.add([first.trial])
    trials = run(feed, 1)
    assert first.trial.key in {trial.key for trial in trials}
    assert all(seeds[:3] == [0, 1, 2] for seeds in seeds_by_cell(trials).values())


def test_the_inner_feed_hears_everything(make_feed: MakeFeed, inner: QueueFeed) -> None:
    feed = make_feed()
    first = feed.next_assignment()
    assert first is not None
    finish(feed, first.trial)
    assert inner.heard == [f"{LOW} seed 0: 2", f"{LOW} seed 0: 1", f"{LOW} seed 0: finished"]
