"""Hand a feed's trials to workers, a bounded number at a time, and hand a trial out again if its worker died."""

from collections import Counter
from dataclasses import replace

from ftlab.running.feed import Assignment, TrialFeed
from ftlab.tracking.records import Outcome, TrialStatus


class Dispatcher:
    """Keeps account of the trials that workers have.

    Args:
        feed: Source of the trials.
        max_under_way: Trials that may be handed out at a time; one more than can run, so that no free worker waits.
        max_failures: Number of times that a trial is tried again after its worker died.
    """

    def __init__(self, feed: TrialFeed, *, max_under_way: int, max_failures: int) -> None:
        self._feed = feed
        self._max_under_way = max_under_way
        self._max_failures = max_failures
        self._under_way: dict[str, Assignment] = {}
        self._again: list[Assignment] = []
        self._failures: Counter[str] = Counter()

    @property
    def is_finished(self) -> bool:
        """Return whether no trial is under way and none will come; until then a failure may bring a trial back."""
        return not self._under_way and not self._again and self._feed.is_exhausted

    def next_assignment(self) -> Assignment | None:
        """Return the next trial; None when enough are under way or nothing is ready."""
        if len(self._under_way) >= self._max_under_way:
            return None
        assignment = self._again.pop(0) if self._again else self._feed.next_assignment()
        if assignment is not None:
            self._under_way[assignment.trial.key] = assignment
        return assignment

    def ended(self, key: str, outcome: Outcome) -> None:
        """Record that a trial ended."""
        assignment = self._under_way.pop(key)
        self._feed.trial_ended(assignment.trial, outcome)

    def worker_died(self, key: str, reason: str) -> Outcome | None:
        """Put back a trial whose worker died.

        Returns:
            None if it is tried again from its last checkpoint; its outcome if that has happened too often.
        """
        self._failures[key] += 1
        if self._failures[key] > self._max_failures:
            return self._fail(key, reason)
        self._again.append(self._under_way.pop(key))
        return None

    def out_of_memory(self, key: str, reason: str) -> Outcome | None:
        """Put back a trial that ran out of memory, to be tried again alone.

        Returns:
            None if it is tried again; its outcome if it was alone already, as the same would happen again.
        """
        if self._under_way[key].alone:
            return self._fail(key, f"out of memory, alone on its device: {reason}")
        self._again.append(replace(self._under_way.pop(key), alone=True))
        return None

    def _fail(self, key: str, reason: str) -> Outcome:
        outcome = Outcome(TrialStatus.FAILED, reason)
        self.ended(key, outcome)
        return outcome
