"""The costs of trials, from the journal of trials on the same hardware."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.estimate.cost import Costs
from ftlab.estimate.kinds import Kind, count_knn_probes, epoch_kind, kinds_of_trial, probe_kind
from ftlab.machine.hardware import Hardware
from ftlab.study.recorded_params import config_from_params
from ftlab.study.spec import Trial
from ftlab.tracking.timings import Attempt, newest_journals, read_description, read_timings

# Files whose first line is read, files that are read in full, and trials of a kind that are enough.
MAX_LOOKED_AT = 300
MAX_READ = 50
ENOUGH_TRIALS = 5

# A longer pause between two epochs means that the worker was delayed by something else.
LONGEST_PAUSE = 20.0


@dataclass(frozen=True)
class Recorded:
    """Costs from recorded trials.

    Attributes:
        costs: Typical durations over epochs and trials; empty if nothing was recorded.
        num_trials: Trials that were read.
    """

    costs: Costs
    num_trials: int


def recorded_costs(folder: Path, trials: Sequence[Trial], hardware: Hardware) -> Recorded:
    """Return the costs of the parts of ``trials``, from the newest trials recorded on the same hardware.

    Reading is bounded, so that a journal of thousands of trials takes no longer than one of fifty.

    Args:
        folder: Folder of the journal.
        trials: Trials whose costs are wanted.
        hardware: Hardware that they would run on.
    """
    wanted = {kind for trial in trials for kind in kinds_of_trial(trial.config, trial.fingerprint)}
    tags = hardware.tags().items()
    samples = _Samples()
    for path in newest_journals(folder)[:MAX_LOOKED_AT]:
        if samples.num_trials == MAX_READ or samples.are_enough(wanted):
            break
        found = _open_trial(path, tags)
        if found is None or not wanted & kinds_of_trial(*found):
            continue
        timings = read_timings(path)
        if timings is not None:
            samples.take_in(*found, [attempt for attempt in timings.attempts if tags <= attempt.hardware.items()])
    return Recorded(samples.costs(), samples.num_trials)


@dataclass
class _Samples:
    num_trials: int = 0
    epoch_seconds: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    knn_seconds: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    final_seconds: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    starts: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    trials_of: dict[Kind, int] = field(default_factory=lambda: defaultdict(int))

    def are_enough(self, wanted: AbstractSet[Kind]) -> bool:
        return all(self.trials_of[kind] >= ENOUGH_TRIALS for kind in wanted)

    def take_in(self, config: TrialConfig, fingerprint: str, attempts: Sequence[Attempt]) -> None:
        kinds: set[Kind] = set()
        for attempt in attempts:
            kinds |= self._take_in_attempt(config, fingerprint, attempt)
        self.num_trials += bool(kinds)
        for kind in kinds:
            self.trials_of[kind] += 1

    def _take_in_attempt(self, config: TrialConfig, fingerprint: str, attempt: Attempt) -> set[Kind]:
        kinds = set()
        epochs_on, probe = config.transform.epochs_on(config.train.epochs), probe_kind(config, fingerprint)
        # The first epoch of an attempt warms up: its extra time belongs to the start.
        for epoch in attempt.epochs[1:]:
            kind = epoch_kind(config, fingerprint, transformed=epoch.epoch - 1 in epochs_on)
            self.epoch_seconds[kind].append(epoch.train_seconds)
            kinds.add(kind)
        for epoch in attempt.epochs:
            probe_seconds = epoch.epoch_seconds - epoch.train_seconds
            if epoch.epoch == config.train.epochs:
                self.final_seconds[probe].append(probe_seconds)
                kinds.add(probe)
            elif count_knn_probes(config, epoch.epoch - 1, epoch.epoch):
                self.knn_seconds[probe].append(probe_seconds)
        self.pauses += _pauses(attempt)
        self.starts += _starts(attempt)
        return kinds

    def costs(self) -> Costs:
        return Costs(
            epoch_seconds=_typical(self.epoch_seconds),
            knn_seconds=_typical(self.knn_seconds),
            final_seconds=_typical(self.final_seconds),
            start_seconds=median(self.starts) if self.starts else None,
            # Only some epochs are followed by a checkpoint, which a median would miss.
            pause_seconds=fmean(self.pauses) if self.pauses else None,
        )


def _pauses(attempt: Attempt) -> Iterator[float]:
    for before, after in pairwise(attempt.epochs):
        pause = after.ended - after.epoch_seconds - before.ended
        if after.epoch == before.epoch + 1 and 0.0 <= pause <= LONGEST_PAUSE:
            yield pause


def _starts(attempt: Attempt) -> Iterator[float]:
    if len(attempt.epochs) < 2:
        return
    first, second = attempt.epochs[:2]
    usual = first.epoch_seconds - first.train_seconds + second.train_seconds
    yield max(0.0, first.ended - attempt.opened - usual)


def _typical(samples: Mapping[Kind, list[float]]) -> dict[Kind, float]:
    """Return means, because totals are estimated from them; an outlier counts as twice the median at most."""
    middles = {kind: median(values) for kind, values in samples.items()}
    return {kind: fmean(min(value, 2 * middles[kind]) for value in values) for kind, values in samples.items()}


def _open_trial(path: Path, tags: AbstractSet[tuple[str, str]]) -> tuple[TrialConfig, str] | None:
    description = read_description(path)
    if description is None or not tags <= description[1].items():
        return None
    params, fingerprint = description[0], description[1].get("data.fingerprint")
    try:
        return None if fingerprint is None else (config_from_params(params), fingerprint)
    except (ConfigError, TypeError):
        # Of another version, or damaged.
        return None
