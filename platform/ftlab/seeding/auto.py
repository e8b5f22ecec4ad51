"""The options SEEDS and MAX_TRIALS: their meaning and their parsing."""

from dataclasses import dataclass, field
from math import inf, isnan

from ftlab.config.experiment import MAX_SEEDS
from ftlab.errors import ConfigError
from ftlab.seeding.rule import SeedRule
from ftlab.study.spec import StudySpec

AUTO = "auto"
MAX_DIGITS = 20


@dataclass(frozen=True)
class AutoSeeds:
    """Seeds where they matter, within a number of trials.

    Attributes:
        rule: The rule that gives seeds to cells.
        max_trials: Most trials that the table may hold, including recorded trials of any outcome; None sets no bound
            except the rule's ``max_seeds`` of every cell.
    """

    rule: SeedRule = field(default_factory=SeedRule)
    max_trials: int | None = None

    def trials_left(self, num_trials: int) -> float:
        """Return the number of trials that may be added to a table of ``num_trials``; infinite without a bound."""
        return inf if self.max_trials is None else max(0, self.max_trials - num_trials)

    def check_study(self, study: StudySpec) -> None:
        """Check that the rule has something to decide in a study.

        Raises:
            ConfigError: The study has no baseline.
        """
        if not study.baselines:
            raise ConfigError(
                f"SEEDS=auto compares cells with a baseline, but got {study.experiment} without one; add baseline: to "
                f"its file, or use SEEDS={self.rule.max_seeds}."
            )

    def check(self, num_first: int) -> None:
        """Check that the first seeds of every cell fit the bound.

        Args:
            num_first: Number of their trials.

        Raises:
            ConfigError: They do not fit.
        """
        if self.max_trials is not None and self.max_trials < num_first:
            raise ConfigError(
                f"MAX_TRIALS must hold the first {self.rule.first_seeds} seeds of every cell, but got "
                f"{self.max_trials}; nearest valid: {num_first}."
            )


def parse_seeds(seeds: str | None, max_trials: int | None = None) -> int | AutoSeeds | None:
    """Parse SEEDS and MAX_TRIALS: a number of seeds, seeds where they matter, or None for the experiment's number.

    Args:
        seeds: A positive integer or ``auto``; None or empty leaves the number to the experiment.
        max_trials: The bound of ``auto``; None sets no bound.

    Raises:
        ConfigError: A value is something else, or a bound is set without ``auto``.

    >>> parse_seeds("5"), parse_seeds(None), parse_seeds("auto", 60).max_trials
    (5, None, 60)
    """
    if seeds == AUTO:
        return AutoSeeds(max_trials=max_trials)
    if max_trials is not None:
        raise ConfigError(f"MAX_TRIALS bounds SEEDS=auto, but got MAX_TRIALS={max_trials} without it; add SEEDS=auto.")
    if not seeds:
        return None
    if seeds.isascii() and seeds.isdigit() and len(seeds) <= MAX_DIGITS and 1 <= int(seeds) <= MAX_SEEDS:
        return int(seeds)
    shown = seeds if len(seeds) <= MAX_DIGITS else f"{seeds[:MAX_DIGITS]}..."
    raise ConfigError(
        f"SEEDS must be a whole number from 1 to {MAX_SEEDS:,} or {AUTO!r}, but got {shown!r}; "
        f"nearest valid: {_nearest(seeds)}."
    )


def _nearest(seeds: str) -> str:
    try:
        number = float(seeds)
    except ValueError:
        return AUTO
    return AUTO if isnan(number) else str(round(min(max(1.0, number), MAX_SEEDS)))
