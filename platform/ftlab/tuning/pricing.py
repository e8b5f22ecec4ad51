"""The price of a study's trials: from recorded trials, and from probes of what was never recorded."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.tuning.cost import START_SECONDS, Costs
from ftlab.tuning.cost_store import CostStore
from ftlab.tuning.hardware import Hardware
from ftlab.tuning.history import recorded_costs
from ftlab.tuning.kinds import checkpoint_kind, epoch_kind, kinds_of_trial, probe_kind
from ftlab.tuning.measure import measure
from ftlab.tuning.measurement import Measurement
from ftlab.tuning.spec import Trial

# A probe takes seconds: of more kinds than these, the others cost what the nearest one does.
MAX_PROBES = 3


Measure = Callable[..., Measurement]


@dataclass(frozen=True)
class Prices:
    """What trials cost, and how that is known.

    Attributes:
        costs: Costs of all the trials asked for; of some, the nearest ones.
        source: How it is known, in words: ``12 recorded trials``, ``a probe``, or both.
        num_nearest: Trials that have a part of which only the nearest was recorded or measured.
    """

    costs: Costs
    source: str
    num_nearest: int


def price_trials(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    hardware: Hardware,
    max_probes: int = MAX_PROBES,
    measure: Measure = measure,
) -> Prices | None:
    """Return what trials cost.

    Args:
        trials: What the costs are asked for; at least one. The images should be in the cache.
        home: Folder of everything ftlab keeps.
        resources: What a trial may use.
        hardware: What the trials would run on. A cluster is not probed from here.
        max_probes: How many new probes may be made.
        measure: Makes a probe, see `ftlab.tuning.measure.measure`.

    Returns:
        None if of some part nothing was recorded and nothing can be measured. Sizes of checkpoints are measured, never
        recorded, so they may be missing.

    Raises:
        FtlabError: A probe failed.
    """
    recorded = recorded_costs(home / "trials", trials, hardware)
    store = CostStore(home, hardware)

    def lacks(measured: Costs, trial: Trial) -> bool:
        return (measured | recorded.costs).lacks_seconds(trial) or measured.lacks_size(trial)

    if hardware.cluster:
        max_probes = 0
    measured = _probe_what_lacks(trials, lacks, store, home, resources, hardware.together, max_probes, measure)
    costs = measured | recorded.costs
    if not costs.can_price(trials):
        return None
    probed = any(recorded.costs.lacks_seconds(trial) for trial in trials)
    return Prices(costs, _source(recorded.num_trials, probed), sum(costs.lacks_seconds(trial) for trial in trials))


def peak_bytes(
    trials: Sequence[Trial],
    *,
    home: Home,
    resources: ResourcesConfig,
    hardware: Hardware,
    measure: Measure = measure,
) -> int:
    """Return the most memory that one of the trials takes of its device, with at most `MAX_PROBES` new probes.

    Args:
        trials: What is asked for; at least one. The images should be in the cache.
        home: Folder of everything ftlab keeps.
        resources: What a trial may use.
        hardware: What a trial runs on alone.
        measure: Makes a probe, see `ftlab.tuning.measure.measure`.

    Raises:
        FtlabError: A probe failed; one trial alone does not fit.
    """
    store = CostStore(home, hardware)
    measured = _probe_what_lacks(
        trials, Costs.lacks_peak, store, home, resources, hardware.together, MAX_PROBES, measure
    )
    return measured.largest_peak(trials)


def measured_costs(trial: Trial, found: Measurement) -> Costs:
    """Return what a measurement of a trial tells."""
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
        start_seconds=START_SECONDS + found.build_seconds,
    )


def _probe_what_lacks(
    trials: Sequence[Trial],
    lacks: Callable[[Costs, Trial], bool],
    store: CostStore,
    home: Home,
    resources: ResourcesConfig,
    together: int,
    max_probes: int,
    measure: Measure,
) -> Costs:
    measured = store.load()
    for _ in range(max_probes):
        lacking = [trial for trial in trials if lacks(measured, trial)]
        if not lacking:
            break
        chosen = _most_telling(lacking)
        found = measure(chosen.config, home=home, resources=resources, together=together)
        measured = store.add(measured_costs(chosen, found))
    return measured


def _most_telling(trials: Sequence[Trial]) -> Trial:
    """Return a trial whose parts are those of as many others as possible."""
    parts = {trial.key: frozenset(kinds_of_trial(trial.config, trial.fingerprint)) for trial in trials}
    frequency = Counter(parts.values())

    def num_covered(trial: Trial) -> int:
        return sum(count for other, count in frequency.items() if other <= parts[trial.key])

    return max(trials, key=num_covered)


def _source(num_recorded: int, probed: bool) -> str:
    recorded = "1 recorded trial" if num_recorded == 1 else f"{num_recorded} recorded trials"
    if not probed:
        return recorded
    return f"{recorded} and a probe" if num_recorded else "a probe"
