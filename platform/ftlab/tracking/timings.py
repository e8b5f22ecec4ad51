"""The durations of recorded trials, read from the journal quickly and without trust in its lines."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from ftlab.storage.plain_file import open_plain
from ftlab.storage.sealed_json import DamagedError, Seal, check_seal, misfit, read_sealed

# The rest of a longer file is not read: a few hundred epochs tell as much as a thousand.
MAX_BYTES = 1 << 20

HARDWARE = "hardware."

# These fields make up nearly all of a line, and none of them is needed.
_DENSE = re.compile(rb'"(histograms|steps|gradient_norms|right|edges)":\{[^}]*\}')


class EpochTiming(NamedTuple):
    """Durations of one epoch.

    Attributes:
        epoch: Number of epochs trained so far, from 1.
        ended: Unix time in seconds at which it ended.
        train_seconds: Seconds of its steps.
        epoch_seconds: Seconds of its steps and its probes.
    """

    epoch: int
    ended: float
    train_seconds: float
    epoch_seconds: float


@dataclass(frozen=True)
class Attempt:
    """The work of one worker on a trial, from taking it up to leaving it.

    Attributes:
        opened: Unix time in seconds at which the trial was taken up.
        epochs: Epochs that this attempt trained, in order, without the epochs of a restored checkpoint, its own or
            another trial's.
        closed: Unix time in seconds of the outcome, or of the last sign of life.
        hardware: Tags of what it ran on; a trial may go on elsewhere.
    """

    opened: float
    epochs: tuple[EpochTiming, ...]
    closed: float
    hardware: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds for which the attempt held its worker."""
        return self.closed - self.opened


@dataclass(frozen=True)
class TrialTimings:
    """Durations of one recorded trial.

    Attributes:
        params: Resolved settings by dotted name, as they are recorded.
        tags: Provenance.
        attempts: In order; more than one after a crash or an interruption.
    """

    params: Mapping[str, str]
    tags: Mapping[str, str]
    attempts: tuple[Attempt, ...]


def newest_journals(folder: Path) -> list[Path]:
    """Return the files of the journal in ``folder``, the last written first; none if the folder is missing."""
    try:
        found = [(path.stat().st_mtime, path) for path in folder.glob("*.jsonl")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def read_description(path: Path) -> tuple[dict[str, str], dict[str, str]] | None:
    """Return params and tags of a recorded trial from the first line of its file; None if that is damaged."""
    try:
        with open_plain(path) as file:
            trial = read_sealed(file.readline(MAX_BYTES).removesuffix(b"\n"), dict)[0]["trial"]
            params, tags = trial["params"], trial["tags"]
            return None if misfit([params, tags], [{str: str}]) else (params, tags)
    except (OSError, DamagedError, KeyError, TypeError):
        return None


def read_timings(path: Path) -> TrialTimings | None:
    """Return the durations in a trial's file.

    Args:
        path: File of the journal. Damaged lines are skipped.

    Returns:
        None if the file cannot be read or does not begin with a description of the trial.
    """
    description = read_description(path)
    if description is None:
        return None
    attempts: list[Attempt] = []
    for event in _events(path):
        try:
            _take_in(event, attempts)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            # A line of another version, or a damaged line that is still JSON.
            continue
    return TrialTimings(*description, tuple(attempts))


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


def _take_in(event: Mapping[str, Any], attempts: list[Attempt]) -> None:
    written = _finite(event["time"])
    if event["event"] == "trial":
        tags = event["trial"]["tags"]
        hardware = {name: text for name, text in tags.items() if name.startswith(HARDWARE)}
        attempts.append(Attempt(written, (), written, hardware))
    elif attempts:
        last = attempts[-1]
        told = [_timing(fields) for fields in event.get("epochs", ())]
        # Epochs that ended before the trial was taken up were trained earlier, or by the trial it was forked from.
        own = tuple(epoch for epoch in told if epoch.ended >= last.opened)
        attempts[-1] = replace(last, epochs=last.epochs + own, closed=written)


def _timing(fields: Mapping[str, Any]) -> EpochTiming:
    metrics = fields["metrics"]
    seconds = _finite(metrics["train_seconds"]), _finite(metrics["epoch_seconds"])
    return EpochTiming(int(fields["epoch"]), _finite(fields["timestamp"]), *seconds)


def _finite(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"a duration must be finite, but got {number}.")
    return number


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with open_plain(path) as file:
            content = file.read(MAX_BYTES)
    except OSError:
        return
    for line in content.split(b"\n"):
        # Only the checksum is checked in full, for most lines are long.
        if check_seal(line) is not Seal.BROKEN:
            with suppress(ValueError, RecursionError):
                yield json.loads(_DENSE.sub(rb'"\1":{}', line))
