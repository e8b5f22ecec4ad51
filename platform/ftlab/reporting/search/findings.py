"""The results of a search as numbers: its best configuration, its course, its Pareto front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from ftlab.reporting.inference.collapse import COLLAPSED, FINISHED
from ftlab.reporting.table.axes import AxisValue

RESULTS = (FINISHED, COLLAPSED)
TOP = 10


@dataclass(frozen=True)
class SearchTrial:
    """A configuration that was evaluated.

    Attributes:
        number: Its place in the search, from 0.
        name: Short label.
        status: finished, collapsed, pruned (stopped early), failed, interrupted, or repeated (suggested again and
            answered without training).
        reason: The reason why it did not finish.
        value: The search's metric, in percent; NaN unless it was trained to its end.
        cost: Hours of training, times the devices of a trial; NaN unless it was trained to its end.
        knn: Its last kNN accuracy, in percent; NaN without one.
        settings: Its settings by dotted name; a setting without effect is left out.
        trial_keys: Its trials, one a seed.
        run_ids: Their runs in the tracking store, as far as they are known.
    """

    number: int
    name: str
    status: str
    reason: str
    value: float
    cost: float
    knn: float
    settings: Mapping[str, AxisValue]
    trial_keys: tuple[str, ...]
    run_ids: tuple[str, ...] = ()

    @property
    def is_result(self) -> bool:
        """Return whether it was trained to its end, with a value."""
        return self.status in RESULTS and not isnan(self.value)


@dataclass(frozen=True)
class Importance:
    """The share of the spread of an objective that each parameter explains (fANOVA).

    Attributes:
        objective: ``accuracy`` or ``cost``.
        shares: Share of each parameter, in percent, greatest first; empty when there are too few trials.
        num_trials: Finished trials that it was computed from.
        note: Its limits, in words; empty if there are none.
    """

    objective: str
    shares: Mapping[str, float]
    num_trials: int
    note: str


@dataclass(frozen=True)
class HistoryPoint:
    """The course of a search after one more result: its value, and that of the best until then, in percent."""

    number: int
    value: float
    best: float


@dataclass(frozen=True)
class SearchReport:
    """Everything that is shown of a search.

    Attributes:
        name: Name of the search.
        title: Question that it answers.
        metric: Name of its metric.
        settings: The settings that vary, by dotted name.
        trials: Every trial, in the order of their numbers.
        known: Names of the known configurations.
        has_cost: Whether cost is an objective.
        importance: Importance of the parameters, one an objective.
        stopped_by: Metric by which trials are stopped early; empty if none is.
    """

    name: str
    title: str
    metric: str
    settings: tuple[str, ...]
    trials: tuple[SearchTrial, ...]
    known: tuple[str, ...]
    has_cost: bool
    importance: tuple[Importance, ...]
    stopped_by: str = ""

    @property
    def results(self) -> tuple[SearchTrial, ...]:
        """The configurations that were trained to their end."""
        return tuple(trial for trial in self.trials if trial.is_result)

    @property
    def best(self) -> SearchTrial | None:
        """The configuration of the highest value, the first of equals; one that collapsed only if all did."""
        return _best(self.results)

    @property
    def reference(self) -> SearchTrial | None:
        """The best of the known configurations; None unless one was trained to its end."""
        known = [trial for trial in self.results if trial.name in self.known]
        return _best(known)

    @property
    def top(self) -> tuple[SearchTrial, ...]:
        """The best ten configurations, see `best_trials`."""
        return best_trials(self.trials)

    @property
    def shown(self) -> tuple[SearchTrial, ...]:
        """The answer of the search: the best configuration, with cost as an objective the Pareto front."""
        return self.front if self.has_cost else (() if self.best is None else (self.best,))

    @property
    def compared(self) -> tuple[SearchTrial, ...]:
        """The answer of the search, behind the known configurations that are no part of it."""
        known = (trial for trial in self.trials if trial.name in self.known and trial.status != "repeated")
        return (*(trial for trial in known if trial not in self.shown), *self.shown)

    @property
    def front(self) -> tuple[SearchTrial, ...]:
        """The Pareto front, cheapest first."""
        return pareto_front(self.results)

    @property
    def history(self) -> tuple[HistoryPoint, ...]:
        """The course of the search, a point a result."""
        return best_so_far(self.results)


def _best(trials: Sequence[SearchTrial]) -> SearchTrial | None:
    return max(trials, key=lambda trial: (trial.status != COLLAPSED, trial.value), default=None)


def best_trials(trials: Sequence[SearchTrial]) -> tuple[SearchTrial, ...]:
    """Return the best ten of the results among trials, the best first; those that collapsed come last."""
    results = (trial for trial in trials if trial.is_result)
    return tuple(sorted(results, key=lambda trial: (trial.status == COLLAPSED, -trial.value))[:TOP])


def pareto_front(trials: Sequence[SearchTrial]) -> tuple[SearchTrial, ...]:
    """Return the trials that no other is better than in one objective without being worse in the other.

    Args:
        trials: Results with a value and a cost.

    Returns:
        Cheapest first, so that values rise; of equal trials the first.
    """
    front: list[SearchTrial] = []
    for trial in sorted(trials, key=lambda trial: (trial.cost, -trial.value, trial.number)):
        if not front or trial.value > front[-1].value:
            front.append(trial)
    return tuple(front)


def best_so_far(trials: Sequence[SearchTrial]) -> tuple[HistoryPoint, ...]:
    """Return the value of each result and of the best until then, in the order of their numbers.

    A trial that collapsed is the best only as long as all did.
    """
    points: list[HistoryPoint] = []
    best: SearchTrial | None = None
    for trial in sorted(trials, key=lambda trial: trial.number):
        best = _best([best, trial]) if best else trial
        points.append(HistoryPoint(trial.number, trial.value, best.value if best else trial.value))
    return tuple(points)
