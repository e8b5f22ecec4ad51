"""The table of a sweep with SEEDS=auto: its trials, and the reasons why no cell got more seeds, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftlab.reporting.table.ablation import Seeding
from ftlab.seeding.allocation import Standing, allocate
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.pairing import Decision
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
    """
    ledger = SeedLedger(study, fingerprint, auto.rule)
    ledger.read(recorded, with_accidents=True)
    left = auto.trials_left(ledger.num_trials)
    allocation = allocate(ledger.cells(), study.baseline, auto.rule, left)
    is_spent = not allocation.batch and not allocation.is_settled
    stopped = {name: _reason(standing, auto.rule, is_spent) for name, standing in allocation.standings.items()}
    return SeedTable(ledger.table_keys(), Seeding(stopped, _note(ledger, study.baseline is not None, auto)))


def _reason(standing: Standing, rule: SeedRule, is_spent: bool) -> str:
    facts = (
        ("baseline", standing.is_baseline),
        ("best", standing.is_best),
        ("diverged", standing.has_diverged),
        ("no trial has a value", standing.has_no_value),
    )
    parts = [fact for fact, holds in facts if holds]
    by_words: dict[str, list[str]] = {}
    for found, name in ((standing.against_baseline, "the baseline"), (standing.against_best, "the best")):
        if found is not None and (found.decision.is_decided or not standing.gets_no_more):
            by_words.setdefault(_words(found.decision, rule, is_spent), []).append(name)
    return ", ".join([*parts, *(words.format(" and ".join(names)) for words, names in by_words.items())])


def _words(decision: Decision, rule: SeedRule, is_spent: bool) -> str:
    match decision:
        case Decision.ABOVE | Decision.BELOW:
            return f"{decision} {{}}"
        case Decision.WITHIN:
            return f"within {rule.min_difference:g} of {{}}"
        case Decision.UNLIKELY:
            return f"unlikely to be told from {{}} by {rule.max_seeds} seeds"
        case Decision.UNDECIDED:
            return f"not told from {{}} by {rule.max_seeds} seeds"
        case Decision.BLOCKED:
            return "not told from {}, which gets no more seeds"
        case Decision.OPEN:
            return "budget spent, open against {}" if is_spent else "open against {}"


def _note(ledger: SeedLedger, has_baseline: bool, auto: AutoSeeds) -> str:
    rule = auto.rule
    references = "the baseline and the best" if has_baseline else "the best"
    bound = "" if auto.max_trials is None else f" MAX_TRIALS={auto.max_trials}."
    return (
        f"Seeds where they matter: after {rule.first_seeds} seeds a cell got more, up to {rule.max_seeds}, until "
        f"differences of trials with equal seeds told it from {references} or found it within "
        f"{rule.min_difference:g}. The probability that any such statement of the table is false is at most "
        f"{rule.error_rate:g}. {ledger.num_trials} trials; {rule.max_seeds} seeds of every cell are "
        f"{ledger.num_full}.{bound}"
    )
