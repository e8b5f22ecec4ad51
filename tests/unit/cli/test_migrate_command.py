import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ftlab.cli.migrate_command import app
from ftlab.cli.trace_command import app as trace_app
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import TrackingError
from ftlab.machine.hardware import Hardware
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.spec import load_study
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.training.epoch_result import EpochResult

WriteExperiment = Callable[..., None]

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


def publish(tracker: MlflowTracker, folder: Path, home: Home) -> Mapping[str, bytes]:
    """Write the table of a store and return the files that do not name runs."""
    study = load_study("exp", "tiny")
    recorded = tracker.load_trials()
    publish_table(
        study,
        name_trials(study, home),
        recorded,
        tracker,
        folder,
        TableOptions(all_seeds=True),
        home=home,
        command="make sweep",
    )
    return {path.name: path.read_bytes() for path in sorted(folder.glob("table.*"))}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def source(write_experiment: WriteExperiment, home: Home, first_start: tuple[Path, str]) -> MlflowTracker:
    """The store of FTLAB_HOME, with two seeds of two cells."""
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]}, baseline="key_momentum=0.9")
    home.local.mkdir()
    shutil.copy(first_start[0], home.local)
    tracker, study = MlflowTracker(default_tracking_uri(home.local)), load_study("exp", "tiny")
    tracker.open_study(study_record(study))
    for number, trial in enumerate(name_trials(study, home)):
        epochs = [EpochResult(epoch, 0.0, {study.metric: 80.1 + number / 3 + epoch / 8}) for epoch in (1, 2)]
        record = trial_record(trial, study.results_name, HARDWARE)
        tracker.record_trial(record, epochs, Outcome(TrialStatus.FINISHED))
    tracker.close_study(study.results_name, description="# A table", artifacts=None, complete=True)
    return tracker


@pytest.mark.slow
def test_the_table_of_the_target_is_that_of_the_source(
    source: MlflowTracker, target_uri: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = publish(source, tmp_path / "mine", home)
    ended = run("--to", target_uri)
    assert ended.exit_code == 0, ended.exception
    assert ended.output.splitlines() == [
        "4 trials and 1 studies: copied",
        "read back and compared: 12 metric values, 4 files; all as in the source",
    ]
    theirs = publish(MlflowTracker(target_uri), tmp_path / "theirs", home)
    assert len(mine) >= 3
    assert theirs == mine
    monkeypatch.setenv("MLFLOW_TRACKING_URI", target_uri)
    verified = CliRunner().invoke(trace_app, ["verify", str(tmp_path / "theirs")])
    assert verified.exit_code == 0, verified.output
    assert "there already" in run("--to", target_uri).output


def test_a_dry_run_creates_nothing(source: MlflowTracker, tmp_path: Path) -> None:
    ended = run("--to", f"sqlite:///{tmp_path}/new/mlflow.db", "--dry-run")
    assert (ended.exit_code, ended.output) == (0, "4 trials and 1 studies: copied\na dry run: nothing was written\n")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_difference_is_an_error_that_names_run_and_value(
    source: MlflowTracker, target_uri: str, tmp_path: Path
) -> None:
    assert run("--to", target_uri).exit_code == 0
    scores = next((tmp_path / "target" / "artifacts").rglob("scores.parquet"))
    scores.write_bytes(b"damaged")
    ended = run("--to", target_uri)
    assert isinstance(ended.exception, TrackingError)
    assert "but there are 1 differences; nothing was replaced" in str(ended.exception)
    assert "(key_momentum): file scores.parquet: " in ended.output
    assert scores.read_bytes() == b"damaged"


def test_no_password_is_printed(source: MlflowTracker) -> None:
    ended = run("--to", "http://ann:secret@127.0.0.1:9", "--dry-run")
    assert isinstance(ended.exception, TrackingError)
    assert "http://***@127.0.0.1:9" in str(ended.exception)
    assert "secret" not in f"{ended.exception}{ended.output}"
