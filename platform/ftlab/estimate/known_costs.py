"""Estimate the costs of a study's trials, from recorded trials and from calibration runs of the others."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.estimate.calibration.measure import measure
from ftlab.estimate.calibration.measurement import Measurement
from ftlab.estimate.cost import START_SECONDS, Costs
from ftlab.estimate.cost_store import CostStore
from ftlab.estimate.kinds import checkpoint_kind, epoch_kind, kinds_of_trial, probe_kind
from ftlab.estimate.recorded_costs import recorded_costs
from ftlab.machine.hardware import Hardware
from ftlab.study.spec import Trial

# A calibration run takes seconds: if there are more kinds than these, the others take the costs of the nearest.
MAX_CALIBRATIONS = 3


Measure = Callable[..., Measurement]


@dataclass(frozen=True)
class KnownCosts:
    """The costs of trials, with their source.

    Attributes:
        costs: Costs of all the trials; for some, those of the nearest kind.
        source: Their source, in words: ``12 recorded trials``, ``a calibration run``, or both.
        num_nearest: Trials with a part of which only the nearest kind was recorded or calibrated.
    """

    costs: Costs
    source: str
    num_nearest: int


def find_costs(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    hardware: Hardware,
    max_calibrations: int = MAX_CALIBRATIONS,
    measure: Measure = measure,
) -> KnownCosts | None:
    """Return the costs of trials.

    Args:
        trials: The trials; at least one. The images should be in the cache.
        home: Folder of everything ftlab keeps.
        resources: Resources of a trial.
        hardware: Hardware that the trials would run on. A cluster is not calibrated from here.
        max_calibrations: Most new calibration runs.
        measure: Makes a calibration run, see `ftlab.estimate.calibration.measure.measure`.

    Returns:
        None if a part of a trial was not recorded and cannot be calibrated. Sizes of checkpoints are calibrated, never
        recorded, so they may be missing.

    Raises:
        FtlabError: A calibration run failed.
    """
    recorded = recorded_costs(home / "trials", trials, hardware)
    store = CostStore(home, hardware)

    def lacks(measured: Costs, trial: Trial) -> bool:
        return (measured | recorded.costs).lacks_seconds(trial) or measured.lacks_size(trial)

    if hardware.cluster:
        max_calibrations = 0
    measured = _calibrate_what_lacks(
        trials, lacks, store, home, resources, hardware.together, max_calibrations, measure
    )
    costs = measured | recorded.costs
    if not costs.can_estimate(trials):
        return None
    calibrated = any(recorded.costs.lacks_seconds(trial) for trial in trials)
    return KnownCosts(
        costs, _source(recorded.num_trials, calibrated), sum(costs.lacks_seconds(trial) for trial in trials)
    )


def peak_bytes(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    hardware: Hardware,
    measure: Measure = measure,
) -> int:
    """Return the highest memory use of any of the trials on its device, after at most `MAX_CALIBRATIONS` new runs.

    Args:
        trials: The trials; at least one. The images should be in the cache.
        home: Folder of everything ftlab keeps.
        resources: Resources of a trial.
        hardware: Hardware that a trial runs on alone.
        measure: Makes a calibration run, see `ftlab.estimate.calibration.measure.measure`.

    Raises:
        FtlabError: A calibration run failed, or one trial alone does not fit.
    """
    store = CostStore(home, hardware)
    measured = _calibrate_what_lacks(
        trials, Costs.lacks_peak, store, home, resources, hardware.together, MAX_CALIBRATIONS, measure
    )
    return measured.largest_peak(trials)


def measured_costs(trial: Trial, found: Measurement) -> Costs:
    """Return the costs that follow from a measurement of a trial."""
    config, fingerprint = trial.config, trial.fingerprint
    of_epochs = {
        epoch_kind(config, fingerprint, transformed=False): found.plain_seconds,
        epoch_kind(config, fingerprint, transformed=True): found.transformed_seconds,
    }
    epoch_seconds = {kind: seconds for kind, seconds in of_epochs.items() if seconds is not None}
    probe = probe_kind(config, fingerprint)
    return Costs(
        epoch_seconds=epoch_seconds,
        knn_seconds={probe: found.knn_seconds},
        final_seconds={probe: found.final_seconds},
        checkpoint_bytes={checkpoint_kind(config, fingerprint): found.checkpoint_bytes},
        peak_bytes=dict.fromkeys(epoch_seconds, found.peak_bytes),
        backbone_bytes={checkpoint_kind(config, fingerprint): found.backbone_bytes},
        start_seconds=START_SECONDS + found.build_seconds,
    )


def _calibrate_what_lacks(
    trials: Sequence[Trial],
    lacks: Callable[[Costs, Trial], bool],
    store: CostStore,
    home: Home,
    resources: ResourcesConfig,
    together: int,
    max_calibrations: int,
    measure: Measure,
) -> Costs:
    measured = store.load()
    for _ in range(max_calibrations):
        lacking = [trial for trial in trials if lacks(measured, trial)]
        if not lacking:
            break
        chosen = _most_telling(lacking)
        found = measure(chosen.config, home=home, resources=resources, together=together)
        measured = store.add(measured_costs(chosen, found))
    return measured


def _most_telling(trials: Sequence[Trial]) -> Trial:
    """Return a trial whose parts include those of as many other trials as possible."""
    parts = {trial.key: frozenset(kinds_of_trial(trial.config, trial.fingerprint)) for trial in trials}
    frequency = Counter(parts.values())

    def num_covered(trial: Trial) -> int:
        return sum(count for other, count in frequency.items() if other <= parts[trial.key])

    return max(trials, key=num_covered)


def _source(num_recorded: int, calibrated: bool) -> str:
    recorded = "1 recorded trial" if num_recorded == 1 else f"{num_recorded} recorded trials"
    if not calibrated:
        return recorded
    return f"{recorded} and a calibration run" if num_recorded else "a calibration run"
