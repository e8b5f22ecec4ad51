"""The table of a sweep with SEEDS=auto: its trials, and the reasons why no cell got more seeds, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftlab.reporting.inference.collapse import BETTER, WORSE, row_outcome
from ftlab.reporting.inference.paired_t import MIN_PAIRS, Scale, scale_of
from ftlab.reporting.table.families import Seeding, SeenDifference
from ftlab.seeding.allocation import Standing, allocate
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.pairing import CellSeeds, Decision, PairComparison
from ftlab.seeding.progress import SeedLedger
from ftlab.seeding.rule import SeedRule
from ftlab.study.spec import StudySpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeedTable:
    """The trials and the notes of a table with SEEDS=auto.

    Attributes:
        trial_keys: The trials of each cell's row, by name of the cell.
        seeding: The reason why each cell got no more seeds, and the rule.
    """

    trial_keys: Mapping[str, tuple[str, ...]]
    seeding: Seeding


def make_seed_table(study: StudySpec, fingerprint: str, recorded: "pd.DataFrame", auto: AutoSeeds) -> SeedTable:
    """Apply the rule to the recorded trials; it needs nothing else, so a table can be rebuilt at any time.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        recorded: The trials in the tracking store.
        auto: The rule and the bound that the sweep had.

    Raises:
        ConfigError: The study has no baseline.
    """
    auto.check_study(study)
    ledger = SeedLedger(study, fingerprint, auto.rule)
    ledger.read(recorded, with_accidents=True)
    left = auto.trials_left(ledger.num_trials)
    cells = ledger.cells()
    allocation = allocate(cells, study.baselines, auto.rule, left)
    is_spent = not allocation.batch and not allocation.is_settled
    stopped = {
        name: _reason(standing, cells, name, auto.rule, is_spent) for name, standing in allocation.standings.items()
    }
    scale = scale_of(study.metric).differences()
    seen = {name: _seen(standing.against_baseline, scale) for name, standing in allocation.standings.items()}
    differences = {name: difference for name, difference in seen.items() if difference is not None}
    return SeedTable(ledger.table_keys(), Seeding(stopped, _note(ledger, auto), differences))


def _seen(comparison: PairComparison | None, scale: Scale) -> SeenDifference | None:
    if comparison is None or comparison.look is None:
        return None
    look = comparison.look
    low, high = max(look.mean - look.half_width, scale.low), min(look.mean + look.half_width, scale.high)
    return SeenDifference(look.num_pairs, look.mean, low, high, comparison.decision.direction)


def _reason(standing: Standing, cells: Mapping[str, CellSeeds], name: str, rule: SeedRule, is_spent: bool) -> str:
    facts = (
        ("baseline", standing.is_baseline),
        ("diverged", standing.has_diverged),
        ("no trial has a value", standing.has_no_value),
    )
    parts = [fact for fact, holds in facts if holds]
    found = standing.against_baseline
    is_shown = found is not None and (found.decision.is_decided or not standing.gets_no_more)
    if is_shown and found is not None and standing.baseline is not None:
        parts.append(_words(found, cells[name], cells[standing.baseline], rule, is_spent))
    return ", ".join(parts)


def _words(found: PairComparison, cell: CellSeeds, baseline: CellSeeds, rule: SeedRule, is_spent: bool) -> str:
    common = cell.results & baseline.results
    in_common = len(cell.collapsed & common), len(baseline.collapsed & common)
    num_pairs = found.look.num_pairs if found.look else 0
    outcome = row_outcome(found.decision.direction, num_pairs, cell.collapse, in_common)
    match found.decision:
        case Decision.ABOVE | Decision.BELOW if outcome in (BETTER, WORSE):
            return f"{outcome} than the baseline"
        case Decision.ABOVE | Decision.BELOW:
            return f"above the baseline, but {outcome}"
        case Decision.WITHIN:
            return f"within {rule.min_difference:g} of the baseline"
        case Decision.FEW:
            return outcome or f"fewer than {MIN_PAIRS} seeds in common with the baseline"
        case Decision.UNLIKELY:
            return f"unlikely to be told from the baseline by {rule.max_seeds} seeds"
        case Decision.UNDECIDED:
            return f"not told from the baseline by {rule.max_seeds} seeds"
        case Decision.BLOCKED:
            return "not told from the baseline, which gets no more seeds"
        case Decision.OPEN:
            return "budget spent, open against the baseline" if is_spent else "open against the baseline"


def _note(ledger: SeedLedger, auto: AutoSeeds) -> str:
    rule = auto.rule
    *early, last = rule.looks
    looks = f"{', '.join(map(str, early))} and {last}" if early else str(last)
    bound = "" if auto.max_trials is None else f" MAX_TRIALS={auto.max_trials}."
    return (
        f"Seeds where they matter: after {looks} seeds a cell was compared with its baseline by the seeds that were "
        f"healthy in both, and got no more once it was told from it or found within {rule.min_difference:g}. The "
        f"probability that any such statement about the cells of a baseline is false is at most {rule.error_rate:g}. "
        f"{ledger.num_trials} trials; {rule.max_seeds} seeds of every cell are {ledger.num_full}.{bound}"
    )
