"""What a sweep will take: wall-clock time, hours of its devices, and disk."""

from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.tuning.cost import Costs
from ftlab.tuning.spec import Trial
from ftlab.tuning.timetable import Work, make_timetable

# Ray, its first workers with torch in them, and the table at the end: on two cores, 40 trials of a second had their
# first result after 11 s, and their table 2 s after the last one.
STARTUP_SECONDS = 13.0
# One digits trial: a line of the journal, ten metrics with their indices in SQLite, a row of the score histories.
RECORD_BYTES_PER_EPOCH = 6_000


@dataclass(frozen=True)
class Forecast:
    """The price of what a sweep will train.

    Attributes:
        num_trials: Trials to train.
        num_epochs: Epochs to train.
        wall_seconds: From the command to its table.
        device_hours: Core-hours, or GPU-hours with shares counted as shares, that trials will hold.
        device: What ``device_hours`` counts, ``CPU`` or ``GPU``.
        checkpoint_bytes: Checkpoints that lie on the disk before the sweep's end, when they are deleted; None where no
            size was measured.
        record_bytes: What stays: journal, tracking store and score histories.
        source: How it is known, in words: ``12 recorded trials``, ``a probe``, or both.
        num_nearest: Trials that are priced by the nearest recorded or measured ones.
    """

    num_trials: int
    num_epochs: int
    wall_seconds: float
    device_hours: float
    device: str
    checkpoint_bytes: int | None
    record_bytes: int
    source: str
    num_nearest: int = 0


@dataclass(frozen=True)
class Actual:
    """What a sweep took.

    Attributes:
        wall_seconds: From the command to its table.
        device_hours: Core-hours or GPU-hours that trials held.
    """

    wall_seconds: float
    device_hours: float


def forecast(
    works: Sequence[Work],
    costs: Costs,
    *,
    slots: int,
    resources: ResourcesConfig,
    source: str,
    num_nearest: int = 0,
    startup_seconds: float = STARTUP_SECONDS,
) -> Forecast:
    """Return what a sweep will take.

    Disk counts one checkpoint per trial, which replaces its own earlier ones, and one per fork.

    Args:
        works: What is trained, the most urgent first.
        costs: What it costs.
        slots: Trials at a time.
        resources: What a trial may use.
        source: How the costs are known, in words.
        num_nearest: Trials that are priced by the nearest ones.
        startup_seconds: What a sweep takes before its first and after its last epoch.
    """

    def seconds(work: Work, epoch: int) -> float:
        return costs.starting_seconds() + costs.training_seconds(work.trial, work.start_epoch, epoch)

    turns = make_timetable(works, max(1, slots), seconds)
    num_epochs = sum(work.trial.config.train.epochs - work.start_epoch for work in works)
    forks = {(work.parent, work.start_epoch): work.trial for work in works if work.parent is not None}
    checkpoints = [*(work.trial for work in works), *forks.values()]
    return Forecast(
        num_trials=len(works),
        num_epochs=num_epochs,
        wall_seconds=startup_seconds + max(turn.end for turn in turns) if turns else 0.0,
        device_hours=held_hours(sum(turn.end - turn.start for turn in turns), resources),
        device="GPU" if resources.gpus_per_trial else "CPU",
        checkpoint_bytes=_total_bytes(checkpoints, costs),
        record_bytes=RECORD_BYTES_PER_EPOCH * num_epochs,
        source=source,
        num_nearest=num_nearest,
    )


def held_hours(seconds: float, resources: ResourcesConfig) -> float:
    """Return the hours of cores, or of GPUs where trials have shares of them, that ``seconds`` of trials hold."""
    return seconds / 3600 * (resources.gpus_per_trial or resources.cpus_per_trial)


def _total_bytes(checkpoints: Sequence[Trial], costs: Costs) -> int | None:
    if checkpoints and not costs.checkpoint_bytes:
        return None
    return sum(costs.size_of_checkpoint(trial) for trial in checkpoints)
