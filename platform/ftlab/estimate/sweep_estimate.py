"""The estimate of a sweep: wall-clock time, hours of its devices, and disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ftlab.config.experiment import ResourcesConfig
from ftlab.estimate.cost import Costs
from ftlab.estimate.timetable import Work, make_timetable
from ftlab.study.spec import Trial

# The time to start Ray and its first workers with torch, and to write the table at the end: on two cores, 40 trials
# of a second had their first result after 11 s, and their table 2 s after the last one.
STARTUP_SECONDS = 13.0
# Measured on a digits trial: a line of the journal, ten metrics with their indices in SQLite, a row of the histories.
RECORD_BYTES_PER_EPOCH = 6_000


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of the trials that a sweep will train.

    Attributes:
        num_trials: Trials to train.
        num_epochs: Epochs to train.
        wall_seconds: Seconds from the command to its table.
        device_hours: Core-hours, or GPU-hours with shares counted as shares, that trials will hold.
        device: Unit of ``device_hours``, ``CPU`` or ``GPU``.
        checkpoint_bytes: Size of the checkpoints on the disk until the end of the sweep, which deletes them; None if no
            size was calibrated.
        record_bytes: Size of the records that stay: journal, tracking store and score histories.
        source: Source of the estimate, in words: ``12 recorded trials``, ``a calibration run``, or both.
        num_nearest: Trials that are estimated from the nearest recorded or calibrated ones.
        num_evaluations: Trials among them whose kept backbones are judged anew, without training.
        evaluation_seconds: Seconds for which those hold a worker each, added up.
        backbone_bytes: Size of the backbones that stay; None if none are kept or no size was calibrated.
        seconds: Seconds for which each trial holds a worker, by its key.
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
    num_evaluations: int = 0
    evaluation_seconds: float = 0.0
    backbone_bytes: int | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Actual:
    """The actual cost of a sweep.

    Attributes:
        wall_seconds: Seconds from the command to its table.
        device_hours: Core-hours or GPU-hours that trials held.
    """

    wall_seconds: float
    device_hours: float


def estimate_sweep(
    works: Sequence[Work],
    costs: Costs,
    *,
    slots: int,
    resources: ResourcesConfig,
    source: str,
    num_nearest: int = 0,
    startup_seconds: float = STARTUP_SECONDS,
) -> Estimate:
    """Return the estimate of a sweep.

    Disk counts one checkpoint per trial, which replaces its own earlier ones, and one per fork.

    Args:
        works: The parts of trials to train, the most urgent first.
        costs: The costs of their parts.
        slots: Trials at a time.
        resources: Resources of a trial.
        source: Source of the costs, in words.
        num_nearest: Trials that are estimated from the nearest ones.
        startup_seconds: Seconds of a sweep before its first and after its last epoch.
    """

    def seconds(work: Work, epoch: int) -> float:
        if work.is_evaluation:
            return costs.starting_seconds() + costs.judging_seconds(work.trial)
        return costs.starting_seconds() + costs.training_seconds(work.trial, work.start_epoch, epoch)

    turns = make_timetable(works, max(1, slots), seconds)
    num_epochs = sum(work.trial.config.train.epochs - work.start_epoch for work in works)
    forks = {(work.parent, work.start_epoch): work.trial for work in works if work.parent is not None}
    trained = [work.trial for work in works if not work.is_evaluation]
    judged = [work for work in works if work.is_evaluation]
    checkpoints = [*trained, *forks.values()]
    return Estimate(
        num_trials=len(works),
        num_epochs=num_epochs,
        wall_seconds=startup_seconds + max(turn.end for turn in turns) if turns else 0.0,
        device_hours=held_hours(sum(turn.end - turn.start for turn in turns), resources),
        device="GPU" if resources.gpus_per_trial else "CPU",
        checkpoint_bytes=_total_bytes(checkpoints, costs),
        record_bytes=RECORD_BYTES_PER_EPOCH * (num_epochs + sum(work.trial.epochs for work in judged)),
        source=source,
        num_nearest=num_nearest,
        num_evaluations=len(judged),
        evaluation_seconds=sum(seconds(work, work.start_epoch) for work in judged),
        backbone_bytes=_backbone_bytes(trained, costs) if resources.keep != "nothing" else None,
        seconds={turn.key: turn.end - turn.start for turn in turns},
    )


def held_hours(seconds: float, resources: ResourcesConfig) -> float:
    """Return the core-hours, or the GPU-hours if trials have shares of GPUs, that ``seconds`` of trials hold."""
    return seconds / 3600 * (resources.gpus_per_trial or resources.cpus_per_trial)


def _backbone_bytes(trained: Sequence[Trial], costs: Costs) -> int | None:
    if not trained or not costs.backbone_bytes:
        return None
    return sum(costs.size_of_backbone(trial) for trial in trained)


def _total_bytes(checkpoints: Sequence[Trial], costs: Costs) -> int | None:
    if checkpoints and not costs.checkpoint_bytes:
        return None
    return sum(costs.size_of_checkpoint(trial) for trial in checkpoints)
