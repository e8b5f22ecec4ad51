"""The time for which trials held their workers, from the journal."""

from collections.abc import Iterable
from pathlib import Path

from ftlab.tracking.timings import read_timings


def seconds_spent(folder: Path, trial_keys: Iterable[str], since: float) -> float:
    """Return the seconds that trials held a worker, failed attempts among them.

    Args:
        folder: Folder of the journal.
        trial_keys: Trials of the study.
        since: Unix time in seconds; attempts that began earlier are left out.
    """
    found = (read_timings(folder / f"{key}.jsonl") for key in trial_keys)
    return sum(
        attempt.seconds
        for timings in found
        if timings is not None
        for attempt in timings.attempts
        if attempt.opened >= since
    )
