"""The planner of a sweep: the trials that its table lacks, and the order in which they are trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ftlab.config.home import Home
from ftlab.engine.planning import name_trials, plan_study
from ftlab.running.checkpoints import existing_checkpoints
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.running.stage_feed import StageFeed
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.seed_feed import SeedFeed
from ftlab.study.plan import Plan
from ftlab.study.spec import StudySpec
from ftlab.tracking.journal import Journal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SweepPlanner:
    """Plans a study again and again, as trials end here and elsewhere.

    Attributes:
        study: The study to sweep.
        home: Home of caches and checkpoints.
        auto: Seeds where they matter; None trains the study's own.
        share: Whether trials share prefixes.
    """

    study: StudySpec
    home: Home
    auto: AutoSeeds | None
    share: bool

    def seems_complete(self, journal: Journal) -> bool:
        """Return whether the journal alone tells that nothing is missing; decodes the data set the first time."""
        ended_here = journal.finished_keys() if self.auto is None else set()
        return bool(ended_here) and all(trial.key in ended_here for trial in name_trials(self.study, self.home))

    def plan(self, recorded: "pd.DataFrame") -> Plan:
        """Return the plan of the study's own trials."""
        return plan_study(self.study, self.home, recorded, share=self.share)

    def plan_of_all(self, found: Plan, recorded: "pd.DataFrame") -> Plan:
        """Return the plan of every trial that may be trained.

        Args:
            found: The plan of the study's own trials.
            recorded: The trials in the tracking store.
        """
        if self.auto is None:
            return found
        study = replace(self.study, seeds=tuple(range(self.auto.rule.max_seeds)))
        return plan_study(study, self.home, recorded, share=self.share)

    def feed(self, left: Plan, recorded: "pd.DataFrame", claim: Callable[[str], bool]) -> StageFeed | SeedFeed:
        """Return the feed of the trials that are left.

        Args:
            left: The plan of the study's own trials.
            recorded: The trials in the tracking store.
            claim: Takes a trial by its key; False if another process trains it.
        """
        there, kept = existing_checkpoints(self.home), KeptBackbones(self.home).keys()
        if self.auto is None:
            return StageFeed(left.todo, there, share=self.share, claim=claim, kept=kept)
        inner = StageFeed((), there, share=self.share, claim=claim, kept=kept)
        return SeedFeed(inner, self.study, left.trials[0].fingerprint, recorded, self.auto)
