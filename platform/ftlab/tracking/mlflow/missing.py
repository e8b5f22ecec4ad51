"""The plan of a migration: the steps after which another tracking store holds the trials of this one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.records import TrialStatus

if TYPE_CHECKING:
    from mlflow.entities import Run


class Action(StrEnum):
    """The action on a run of the source."""

    COPY = "copied"
    COMPLETE = "completed"  # a copy that was begun
    CHECK = "there already"  # a complete copy, which is compared
    KEEP = "kept as they are there"
    LEAVE = "left out, still running"


@dataclass(frozen=True)
class Step:
    """A run of the source, and the action on it.

    Attributes:
        run: The run in the source.
        experiment: Name of its experiment.
        action: The action on it.
        found: Its copy in the target, or the target's own run of the same trial or study; None if there is none.
    """

    run: "Run"
    experiment: str
    action: Action
    found: "Run | None"

    @property
    def is_trial(self) -> bool:
        """Return whether the run is that of a trial, and not of a study."""
        return layout.is_trial(self.run)

    @property
    def is_open(self) -> bool:
        """Return whether there is something to copy."""
        return self.action in (Action.COPY, Action.COMPLETE)

    @property
    def name(self) -> str:
        """Name of the run in messages."""
        study = self.run.data.tags[layout.STUDY_TAG]
        return f"{study}, {self.run.info.run_name}" if self.is_trial else study


@dataclass(frozen=True)
class StoredRuns:
    """The runs in a store.

    Attributes:
        experiments: Names of its experiments by identifier.
        runs: Their runs, foreign ones among them.
    """

    experiments: Mapping[str, str]
    runs: Sequence["Run"]

    def grouped(self, name_of: Callable[["Run"], str | None]) -> dict[str, list["Run"]]:
        """Return the runs by the name that a function gives them, without the runs that it gives no name."""
        groups: dict[str, list[Run]] = {}
        for run in self.runs:
            if name := name_of(run):
                groups.setdefault(name, []).append(run)
        return groups


def plan_migration(source: StoredRuns, target: StoredRuns) -> list[Step]:
    """Return a step for each study and trial of the source; studies come first, since trials belong to them.

    Nothing in the target is replaced. A run of its own is kept, and if only the source has a result, that is copied
    beside it. If a trial has several runs, the one that tables are made of counts.
    """
    steps = []
    for name_of in (study_name, trial_key):
        there = target.grouped(name_of)
        for name, doubles in source.grouped(name_of).items():
            run = layout.preferred_run(doubles)
            steps.append(_decide(run, source.experiments[run.info.experiment_id], there.get(name, [])))
    return steps


def study_name(run: "Run") -> str | None:
    """Return the name of the study whose parent run this is, None for another run."""
    tags = run.data.tags
    is_study = tags.get(layout.KIND_TAG) == "study" and tags.get(layout.STATUS_TAG) in {*TrialStatus}
    return tags.get(layout.STUDY_TAG) if is_study else None


def trial_key(run: "Run") -> str | None:
    """Return the key of the trial whose run this is, None for another run."""
    return run.data.tags[layout.TRIAL_KEY_TAG] if layout.is_trial(run) else None


def _decide(run: "Run", experiment: str, there: Sequence["Run"]) -> Step:
    copies = [other for other in there if other.data.tags.get(layout.COPY_OF_TAG) == run.info.run_id]
    if copies:
        # If a trial was copied before its end and again after it, the later copy counts.
        copy = max(copies, key=lambda copy: (layout.run_status(copy).is_result, not _is_complete(copy)))
        action = _judge_copy(run, copy)
        return Step(run, experiment, action, None if action is Action.COPY else copy)
    if _is_running_trial(run):
        return Step(run, experiment, Action.LEAVE, None)
    own = layout.preferred_run(there) if there else None
    if own and (layout.run_status(own).is_result or not layout.run_status(run).is_result or study_name(run)):
        return Step(run, experiment, Action.KEEP, own)
    return Step(run, experiment, Action.COPY, None)


def _judge_copy(run: "Run", copy: "Run") -> Action:
    if not _is_complete(copy):
        return Action.LEAVE if _is_running_trial(run) else Action.COMPLETE
    if layout.run_status(run) is TrialStatus.RUNNING:
        return Action.KEEP
    is_result = layout.is_trial(run) and layout.run_status(run).is_result
    if run.info.end_time == copy.info.end_time or (is_result and layout.run_status(copy).is_result):
        return Action.CHECK
    # One of them went on after the copy: a result is copied beside an earlier copy without one.
    return Action.COPY if is_result else Action.KEEP


def _is_complete(copy: "Run") -> bool:
    return copy.data.tags.get(layout.COPY_TAG) == layout.COPY_COMPLETE


def _is_running_trial(run: "Run") -> bool:
    return layout.is_trial(run) and layout.run_status(run) is TrialStatus.RUNNING
