"""The tracker that keeps its records in dictionaries: the reference for the contract, and a fake for tests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ftlab.errors import TrackingError
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus, trials_frame
from ftlab.tracking.score_history import history_frame, history_table, select_part
from ftlab.tracking.tracker import Numbers, own_tags
from ftlab.training.epoch_result import EpochResult


@dataclass(frozen=True)
class StudyEnd:
    """The arguments that a study was closed with; ``artifacts`` are paths relative to the folder that was given."""

    description: str
    artifacts: tuple[str, ...]
    complete: bool
    numbers: Numbers = field(default_factory=dict, hash=False)


class MemoryTracker:
    """Keeps everything in memory and forgets it with the process.

    Attributes:
        studies: Studies by their identifier.
        study_ends: The ends of the closed studies.
        trials: Trials by trial key, as they were opened first.
        epochs: Per trial key, the epochs by number.
        outcomes: Outcomes of trials; an open trial has none.
        references: Per study, the name of the row of each trial of other studies that its page shows, by trial key.
    """

    def __init__(self) -> None:
        self.studies: dict[str, StudyRecord] = {}
        self.study_ends: dict[str, StudyEnd] = {}
        self.trials: dict[str, TrialRecord] = {}
        self.epochs: dict[str, dict[int, EpochResult]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.references: dict[str, dict[str, str]] = {}

    def open_study(self, study: StudyRecord) -> None:
        """Keep the study."""
        self.studies.setdefault(study.study, study)

    def has_study(self, study: str) -> bool:
        """Return whether it is kept."""
        return study in self.studies

    def open_trial(self, trial: TrialRecord) -> None:
        """Keep the trial, or reopen it unless it has a result."""
        if trial.trial_key not in self.trials:
            self._check(trial.study in self.studies, "study", trial.study)
            self.trials[trial.trial_key] = trial
            self.epochs[trial.trial_key] = {}
        if not self._status(trial.trial_key).is_result:
            self.outcomes.pop(trial.trial_key, None)

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Keep the epochs that are new."""
        self._check(trial_key in self.trials, "trial", trial_key)
        for epoch in epochs:
            self.epochs[trial_key].setdefault(epoch.epoch, epoch)

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Keep the outcome."""
        self._check(trial_key in self.trials, "trial", trial_key)
        if not self._status(trial_key).is_final:
            self.outcomes[trial_key] = outcome

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        """Keep the trial, its epochs and its outcome."""
        self.open_trial(trial)
        self.log_epochs(trial.trial_key, epochs)
        self.close_trial(trial.trial_key, outcome)

    def shows_rows(self, study: str, cells: Mapping[str, str]) -> bool:
        """Return whether the references are kept."""
        return self._of_other_studies(study, cells).items() <= self.references.get(study, {}).items()

    def show_rows(self, study: str, cells: Mapping[str, str]) -> None:
        """Keep the references."""
        self._check(study in self.studies, "study", study)
        self.references.setdefault(study, {}).update(self._of_other_studies(study, cells))

    def close_study(
        self,
        study: str,
        *,
        description: str,
        artifacts: Path | None,
        complete: bool,
        numbers: Numbers | None = None,
    ) -> None:
        """Keep the description, the names of the artifacts and the numbers."""
        self._check(study in self.studies, "study", study)
        files = sorted(path for path in artifacts.rglob("*") if path.is_file()) if artifacts else []
        names = tuple(str(path.relative_to(artifacts)) for path in files) if artifacts else ()
        self.study_ends[study] = StudyEnd(description, names, complete, numbers or {})

    def reconcile(self) -> int:
        """Return 0, because everything in memory belongs to this process, which is alive."""
        return 0

    def load_trials(self) -> pd.DataFrame:
        """Return the contract's frame; the run id is the trial key."""
        return trials_frame([self._row(trial) for trial in self.trials.values()])

    def load_histories(
        self, trial_keys: Collection[str], parts: Collection[HistoryPart]
    ) -> dict[HistoryPart, pd.DataFrame]:
        """Return the contract's frames; all parts of a running trial are there."""
        known = [key for key in trial_keys if key in self.epochs]
        tables = {key: history_table(epoch for _, epoch in sorted(self.epochs[key].items())) for key in known}
        return {
            part: history_frame({key: select_part(table, part) for key, table in tables.items()}, part)
            for part in parts
        }

    def _row(self, trial: TrialRecord) -> dict[str, object]:
        outcome = self.outcomes.get(trial.trial_key, Outcome(TrialStatus.RUNNING))
        epochs = self.epochs[trial.trial_key]
        metrics = {name: value for number in sorted(epochs) for name, value in epochs[number].metrics.items()}
        return {
            "trial_key": trial.trial_key,
            "cell_key": trial.cell_key,
            "seed": trial.seed,
            "status": str(outcome.status),
            "reason": outcome.reason,
            "experiment": self.studies[trial.study].experiment,
            "study": trial.study,
            "name": trial.name,
            "run_id": trial.trial_key,
            "params": dict(trial.params),
            "tags": {**trial.tags, **own_tags(outcome.tags)},
            **metrics,
        }

    def _of_other_studies(self, study: str, cells: Mapping[str, str]) -> dict[str, str]:
        return {key: cell for key, cell in cells.items() if key in self.trials and self.trials[key].study != study}

    def _status(self, trial_key: str) -> TrialStatus:
        return self.outcomes.get(trial_key, Outcome(TrialStatus.RUNNING)).status

    @staticmethod
    def _check(known: bool, kind: str, identifier: str) -> None:
        if not known:
            raise TrackingError(f"a {kind} must be opened before it is used, but got {kind}={identifier!r}.")
