"""The findings of a study's evaluations on other images: a file each in this home, a run each in the tracking store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ftlab.config.home import Home
from ftlab.errors import ArtifactError
from ftlab.machine.hardware import Hardware
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.running.recorder import study_record
from ftlab.running.transfer.transfer_record import transfer_epoch, transfer_record
from ftlab.study.plan import settled_keys
from ftlab.study.spec import StudySpec
from ftlab.study.transfer import AnyTransfer
from ftlab.tracking.records import TRIAL_COLUMNS, Outcome, TrialStatus
from ftlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

RECORDS = "transfers"


class EvaluationRecords:
    """The findings by the key of a transfer; what the store has counts, for a team shares it.

    A finding is in this home when `save` returns, and `deliver` brings it to the store, now or with a later command.

    Args:
        study: The study.
        home: Home of the files.
        tracker: The store.

    Attributes:
        study: The study that runs in the store belong to.
        trained: Keys of the trials that the store has, evaluations among them.
    """

    def __init__(self, study: StudySpec, home: Home, tracker: Tracker) -> None:
        # Apart from the trainings, whose lists it would fill with accuracies on other images.
        self.study = replace(study, experiment=f"{study.experiment}.evaluations")
        self._files = FloorRecords(home, RECORDS)
        self._found: dict[str, FloorRecord] = {}
        self._tracker = tracker
        recorded = tracker.load_trials()
        self.trained = settled_keys(recorded)
        self._rows = _rows(recorded)

    def load(self, key: str) -> FloorRecord | None:
        """Return the findings of a transfer, without the images of each; None if it was not judged."""
        if (row := self._rows.get(key)) is None:
            if key not in self._found and (found := self._files.load(key)) is not None:
                self._found[key] = replace(found, right={})
            return self._found.get(key)
        metrics = {name: float(value) for name, value in row.items() if name not in TRIAL_COLUMNS and value == value}
        return FloorRecord(metrics, {}, 0)

    def run_id(self, key: str) -> str:
        """Return the store's identifier of the run of a transfer; empty if it has none."""
        return str(self._rows[key]["run_id"]) if key in self._rows else ""

    def save(self, key: str, record: FloorRecord) -> None:
        """Keep the findings of a transfer in this home."""
        self._found.pop(key, None)
        self._files.save(key, record)

    def deliver(self, transfers: Mapping[str, Sequence[AnyTransfer]], hardware: Hardware) -> None:
        """Record the findings that only this home has, each in a run of its own.

        Args:
            transfers: The transfers of the study, by the name of the task.
            hardware: Hardware that they were judged on.

        Raises:
            TrackingError: The store fails; what is left waits for the next command.
        """
        wanted = [(task, transfer) for task, found in transfers.items() for transfer in found]
        missing = [(task, transfer) for task, transfer in wanted if transfer.key not in self._rows]
        refusal: ArtifactError | None = None
        self._tracker.open_study(study_record(self.study))
        for task, transfer in missing:
            if (found := self._files.load(transfer.key)) is not None:
                record = transfer_record(transfer, task, self.study.results_name, hardware)
                try:
                    self._tracker.record_trial(record, [transfer_epoch(transfer, found)], Outcome(TrialStatus.FINISHED))
                except ArtifactError as error:
                    refusal = error
        if missing:
            self._rows = _rows(self._tracker.load_trials())
        if refusal:
            raise refusal

    def close(self, description: str, files: Mapping[str, str], *, complete: bool) -> None:
        """Attach the table over tasks to the study's run in the store, and end it.

        Args:
            description: The table in Markdown.
            files: Its files, by name.
            complete: Whether everything was judged.

        Raises:
            TrackingError: The store fails.
        """
        with TemporaryDirectory() as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            name = self.study.results_name
            self._tracker.close_study(name, description=description, artifacts=Path(folder), complete=complete)


def _rows(recorded: "pd.DataFrame") -> dict[str, Mapping[str, Any]]:
    settled = settled_keys(recorded)
    rows = [{str(name): value for name, value in row.items()} for row in recorded.to_dict("records")]
    return {str(row["trial_key"]): row for row in rows if row["trial_key"] in settled}
