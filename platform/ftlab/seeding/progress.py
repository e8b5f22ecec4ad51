"""The ledger of a study with seeds where they matter: its possible trials, and their outcomes so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from ftlab.reporting.inference.collapse import COLLAPSED, HEALTHY, recorded_state
from ftlab.seeding.pairing import CellSeeds
from ftlab.seeding.rule import SeedRule
from ftlab.study.plan import is_settled
from ftlab.study.spec import StudySpec, Trial, make_trial
from ftlab.tracking.records import Outcome, TrialStatus

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Ended:
    """The end of a trial: its state, its value, NaN unless it is healthy, and whether its loss was not finite."""

    state: str
    value: float
    has_diverged: bool


class SeedLedger:
    """Records for every cell and seed of a study whether its trial is pending or ended, and its value.

    Trials that two cells share are one trial, and count once.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        rule: The rule, which limits the seeds of a cell.
    """

    def __init__(self, study: StudySpec, fingerprint: str, rule: SeedRule) -> None:
        self._metric = study.metric
        self._rule = rule
        self._trials = {
            cell.name: [make_trial(cell, seed, fingerprint) for seed in range(rule.max_seeds)] for cell in study.cells
        }
        self._keys = {trial.key for trials in self._trials.values() for trial in trials}
        self._first_keys = {trial.key for trials in self._trials.values() for trial in trials[: rule.first_seeds]}
        self._pending: set[str] = set()
        self._ended: dict[str, _Ended] = {}

    def read(self, recorded: "pd.DataFrame", *, with_accidents: bool) -> None:
        """Enter the recorded trials.

        Args:
            recorded: A row per recorded trial, see `ftlab.tracking.tracker.Tracker.load_trials`.
            with_accidents: Whether a trial that failed by accident counts as ended: true for a table, false for a
                sweep, which trains it again.
        """
        for row in recorded[recorded["trial_key"].isin(self._keys)].to_dict("records"):
            outcome = Outcome(TrialStatus(row["status"]), row["reason"])
            has_ended = outcome.status.is_final if with_accidents else is_settled(outcome.status, outcome.reason)
            if has_ended:
                self.end(row["trial_key"], outcome, {str(name): value for name, value in row.items()})

    def start(self, key: str) -> None:
        """Enter that a trial waits or runs, and forget an earlier failure of it."""
        self._pending.add(key)
        self._ended.pop(key, None)

    def end(self, key: str, outcome: Outcome, metrics: Mapping[str, Any]) -> None:
        """Enter the outcome of a trial, with its last metrics by name, beside which other entries may stand."""
        self._pending.discard(key)
        state = recorded_state(outcome.status.value, metrics)
        value = metrics.get(self._metric, nan) if state in HEALTHY else nan
        self._ended[key] = _Ended(state, float(value), _has_diverged(outcome))

    def trial(self, cell: str, seed: int) -> Trial:
        """Return the trial of a cell and a seed."""
        return self._trials[cell][seed]

    @property
    def first_missing(self) -> tuple[Trial, ...]:
        """The first trials of every cell that are neither pending nor ended, seed by seed."""
        trials = (trials[seed] for seed in range(self._rule.first_seeds) for trials in self._trials.values())
        return tuple({t.key: t for t in trials if t.key not in self._pending and t.key not in self._ended}.values())

    @property
    def num_first(self) -> int:
        """Number of the first trials of all cells."""
        return len(self._first_keys)

    @property
    def num_trials(self) -> int:
        """Number of trials in the table so far: the first of every cell, and all others that are pending or ended."""
        return len(self._first_keys.union(self._pending, self._ended))

    @property
    def num_full(self) -> int:
        """Number of trials of a table that gives every cell the most seeds that a cell may get."""
        return len(self._keys)

    @property
    def num_pending(self) -> int:
        """Number of trials that wait or run."""
        return len(self._pending)

    def cells(self) -> dict[str, CellSeeds]:
        """Return the seeds of each cell, for the rule, in the order of the study."""
        return {name: self._cell(trials) for name, trials in self._trials.items()}

    def table_keys(self) -> dict[str, tuple[str, ...]]:
        """Return the trials of each cell's row in the table: the first ones, and all others that ended."""
        return {
            name: tuple(
                trial.key
                for seed, trial in enumerate(trials)
                if seed < self._rule.first_seeds or trial.key in self._ended
            )
            for name, trials in self._trials.items()
        }

    def _cell(self, trials: Sequence[Trial]) -> CellSeeds:
        ended = {trial.config.seed: self._ended[trial.key] for trial in trials if trial.key in self._ended}
        values = {seed: end.value for seed, end in ended.items() if isfinite(end.value)}
        collapsed = frozenset(seed for seed, end in ended.items() if end.state == COLLAPSED)
        return CellSeeds(
            values=values,
            collapsed=collapsed,
            failed=frozenset(ended) - collapsed.union(values),
            pending=frozenset(trial.config.seed for trial in trials if trial.key in self._pending),
            diverged=any(end.has_diverged for end in ended.values()),
        )


def _has_diverged(outcome: Outcome) -> bool:
    return outcome.status is TrialStatus.FAILED and is_settled(outcome.status, outcome.reason)
