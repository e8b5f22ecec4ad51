"""The timetable of trials: a small simulation of workers that take up trials, trunks before branches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Protocol

from ftlab.study.spec import Trial


class Work(Protocol):
    """The part of a trial that it trains itself; `ftlab.study.stages.Stage` is one."""

    @property
    def trial(self) -> Trial:
        """The trial."""
        ...

    @property
    def start_epoch(self) -> int:
        """Number of epochs in the checkpoint that it starts from."""
        ...

    @property
    def parent(self) -> str | None:
        """Key of the trial that will leave that checkpoint; None if it exists."""
        ...

    @property
    def is_evaluation(self) -> bool:
        """Return whether a kept backbone is judged and nothing is trained."""
        ...


@dataclass(frozen=True)
class Turn:
    """A trial's turn on a worker.

    Attributes:
        key: The trial's key.
        start: Seconds from the beginning at which a worker takes it up.
        end: Seconds from the beginning at which the worker is free again.
    """

    key: str
    start: float
    end: float


def make_timetable(works: Sequence[Work], slots: int, seconds: Callable[[Work, int], float]) -> list[Turn]:
    """Return the turns of trials on ``slots`` workers.

    A free worker takes the first work whose checkpoint exists, in the order of a study's feed; it waits if none is
    ready.

    Args:
        works: The works, the most urgent first. A parent outside of them counts as finished.
        slots: Number of workers, at least 1.
        seconds: Returns the seconds from taking a work up to an epoch of it.
    """
    waiting = {work.trial.key: work for work in works}
    ready_at = {key: 0.0 for key, work in waiting.items() if work.parent not in waiting}
    branches: dict[str | None, list[Work]] = {}
    for work in works:
        branches.setdefault(work.parent, []).append(work)
    turns: list[Turn] = []
    free_at = [0.0] * slots
    while waiting:
        now = heappop(free_at)
        key = _next(waiting, ready_at, now)
        work, start = waiting.pop(key), max(now, ready_at[key])
        ready_at.update(
            (branch.trial.key, start + seconds(work, branch.start_epoch)) for branch in branches.get(key, ())
        )
        turns.append(Turn(key, start, start + seconds(work, work.trial.config.train.epochs)))
        heappush(free_at, turns[-1].end)
    return turns


def _next(waiting: Mapping[str, Work], ready_at: Mapping[str, float], now: float) -> str:
    """Return the key of the most urgent work that is ready, or else of the work that will be ready first."""
    ready = next((key for key in waiting if ready_at.get(key, inf) <= now), None)
    return ready or min(waiting, key=lambda key: ready_at.get(key, inf))
