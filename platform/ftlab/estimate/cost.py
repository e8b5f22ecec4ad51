"""The costs of a trial: the durations and sizes of its parts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ftlab.estimate.kinds import Kind, checkpoint_kind, count_epochs, count_knn_probes, difference, probe_kind
from ftlab.study.spec import Trial

# Handing a trial to a warm worker and building its trainer, if no recorded trial shows how long that takes.
START_SECONDS = 0.5


@dataclass(frozen=True)
class Costs:
    """Durations and sizes by kind, on one hardware.

    A kind without a cost takes that of the nearest kind, so each mapping that is used must hold at least one kind.

    Attributes:
        epoch_seconds: Seconds of an epoch's steps, by kind of epoch.
        knn_seconds: Seconds of a kNN probe, by kind of probe.
        final_seconds: Seconds of all probes after the last epoch, by kind of probe.
        checkpoint_bytes: Size of a checkpoint, by kind of checkpoint.
        peak_bytes: Highest memory use of a trial on its device, by kind of epoch.
        backbone_bytes: Size of a kept backbone with its history, by kind of checkpoint.
        start_seconds: From taking a trial up to its first epoch, on a warm worker; None if unknown.
        pause_seconds: Between two epochs, for checkpoints and reports, on average; None if unknown.
    """

    epoch_seconds: Mapping[Kind, float] = field(default_factory=dict)
    knn_seconds: Mapping[Kind, float] = field(default_factory=dict)
    final_seconds: Mapping[Kind, float] = field(default_factory=dict)
    checkpoint_bytes: Mapping[Kind, int] = field(default_factory=dict)
    peak_bytes: Mapping[Kind, int] = field(default_factory=dict)
    start_seconds: float | None = None
    pause_seconds: float | None = None
    backbone_bytes: Mapping[Kind, int] = field(default_factory=dict)

    def __or__(self, other: "Costs") -> "Costs":
        """Return these costs, replaced by those of ``other`` where it has any."""
        return Costs(
            epoch_seconds={**self.epoch_seconds, **other.epoch_seconds},
            knn_seconds={**self.knn_seconds, **other.knn_seconds},
            final_seconds={**self.final_seconds, **other.final_seconds},
            checkpoint_bytes={**self.checkpoint_bytes, **other.checkpoint_bytes},
            peak_bytes={**self.peak_bytes, **other.peak_bytes},
            start_seconds=self.start_seconds if other.start_seconds is None else other.start_seconds,
            pause_seconds=self.pause_seconds if other.pause_seconds is None else other.pause_seconds,
            backbone_bytes={**self.backbone_bytes, **other.backbone_bytes},
        )

    def training_seconds(self, trial: Trial, first: int, last: int) -> float:
        """Return the seconds between two numbers of epochs trained, without the start of the trial.

        Args:
            trial: The trial.
            first: Epochs trained before.
            last: Epochs trained after; at the trial's end all its probes are counted.
        """
        counts = count_epochs(trial.config, trial.fingerprint, first, last)
        seconds = sum(_nearest(self.epoch_seconds, kind) * count for kind, count in counts.items())
        seconds += (self.pause_seconds or 0.0) * (last - first)
        probe = probe_kind(trial.config, trial.fingerprint)
        num_knn = count_knn_probes(trial.config, first, last)
        if num_knn:
            seconds += num_knn * _nearest(self.knn_seconds, probe)
        if first < last == trial.config.train.epochs:
            seconds += self.judging_seconds(trial)
        return seconds

    def judging_seconds(self, trial: Trial) -> float:
        """Return the seconds of all probes after the last epoch, without the start of the trial."""
        return _nearest(self.final_seconds, probe_kind(trial.config, trial.fingerprint))

    def starting_seconds(self) -> float:
        """Return the seconds from taking a trial up to its first epoch."""
        return START_SECONDS if self.start_seconds is None else self.start_seconds

    def size_of_checkpoint(self, trial: Trial) -> int:
        """Return the bytes of one checkpoint."""
        return round(_nearest(self.checkpoint_bytes, checkpoint_kind(trial.config, trial.fingerprint)))

    def size_of_backbone(self, trial: Trial) -> int:
        """Return the bytes of a kept backbone."""
        return round(_nearest(self.backbone_bytes, checkpoint_kind(trial.config, trial.fingerprint)))

    def largest_peak(self, trials: Iterable[Trial]) -> int:
        """Return the highest memory use of any of the trials on its device, in bytes."""
        return max(round(_nearest(self.peak_bytes, kind)) for trial in trials for kind in _all_epochs(trial))

    def can_estimate(self, trials: Iterable[Trial]) -> bool:
        """Return whether the duration of every part of the trials is known, at least for the nearest kind."""
        without_knn = not any(_takes_knn(trial) for trial in trials)
        return bool(self.epoch_seconds and self.final_seconds and (self.knn_seconds or without_knn))

    def lacks_seconds(self, trial: Trial) -> bool:
        """Return whether any part of the trial has no known duration."""
        probe = probe_kind(trial.config, trial.fingerprint)
        return (
            not _all_epochs(trial) <= self.epoch_seconds.keys()
            or (_takes_knn(trial) and probe not in self.knn_seconds)
            or probe not in self.final_seconds
        )

    def lacks_size(self, trial: Trial) -> bool:
        """Return whether the size of the trial's checkpoints is unknown."""
        return checkpoint_kind(trial.config, trial.fingerprint) not in self.checkpoint_bytes

    def lacks_peak(self, trial: Trial) -> bool:
        """Return whether any part of the trial has no known memory use."""
        return not _all_epochs(trial) <= self.peak_bytes.keys()


def _takes_knn(trial: Trial) -> bool:
    return count_knn_probes(trial.config, 0, trial.config.train.epochs) > 0


def _all_epochs(trial: Trial) -> set[Kind]:
    return set(count_epochs(trial.config, trial.fingerprint, 0, trial.config.train.epochs))


def _nearest(values: Mapping[Kind, float], kind: Kind) -> float:
    if kind in values:
        return values[kind]
    return values[min(values, key=lambda known: (difference(known, kind), known))]
