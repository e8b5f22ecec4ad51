import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from ftlab.cli.trace_command import app
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import ConfigError, ResultsError
from ftlab.machine.hardware import Hardware
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.spec import load_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

WriteExperiment = Callable[..., None]

GRID = {"method.key_momentum": [0.9, 0.5]}
HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)
FOLDER = Path("results/exp/tiny")


class Ended(NamedTuple):
    out: str
    error: BaseException | None
    status: int


def run(*arguments: str) -> Ended:
    result = CliRunner().invoke(app, arguments)
    return Ended(result.output, result.exception, result.exit_code)


@pytest.fixture
def store(
    write_experiment: WriteExperiment, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> MemoryTracker:
    """A store with two seeds of two cells, made up, and their table in ``results/exp/tiny``."""
    monkeypatch.chdir(tmp_path)
    write_experiment("exp", grid=GRID, baseline="key_momentum=0.9")
    study = load_study("exp", "tiny")
    store = MemoryTracker()
    store.open_study(study_record(study))
    trials = name_trials(study, home)
    for number, trial in enumerate(trials):
        store.open_trial(trial_record(trial, study.results_name, HARDWARE))
        epochs = [EpochResult(epoch, 0.0, {study.metric: 80.0 + number + epoch / 8}) for epoch in (1, 2)]
        store.log_epochs(trial.key, epochs)
        store.close_trial(trial.key, Outcome(TrialStatus.FINISHED))
    publish_table(
        study,
        trials,
        store.load_trials(),
        store,
        FOLDER,
        TableOptions(all_seeds=False),
        home=home,
        command="make sweep",
    )
    monkeypatch.setattr("ftlab.cli.trace_command.open_tracker", lambda _: store)
    return store


def edit(name: str, before: str, after: str) -> None:
    text = (FOLDER / name).read_text()
    assert before in text
    (FOLDER / name).write_text(text.replace(before, after))


def test_a_cell_is_explained_with_the_commands_that_train_it(store: MemoryTracker) -> None:
    ended = run("explain", str(FOLDER / "table.csv"), "--cell", "0.50")
    assert ended.error is None
    lines = ended.out.splitlines()
    assert lines[0].startswith("cell key_momentum=0.5 (method.key_momentum=0.5), cell key ")
    assert "  method.key_momentum: 0.5 (there 0.9)" in lines
    assert lines[-1] == ("  FTLAB_HOME=.ftlab-again ftlab train --profile tiny --seed 1 --set method.key_momentum=0.5")
    assert all(trial.trial_key in run("explain", str(FOLDER)).out for trial in store.trials.values())


@pytest.mark.slow
def test_a_cell_that_is_not_there_is_refused(store: MemoryTracker) -> None:
    ended = run("explain", str(FOLDER), "--cell", "0.7")
    assert isinstance(ended.error, ConfigError)
    assert "but got '0.7'" in str(ended.error)


def test_a_table_that_is_as_recorded_is_confirmed(store: MemoryTracker) -> None:
    ended = run("verify")
    assert (ended.error, ended.status) == (None, 0)
    assert ended.out == "results/exp/tiny: 2 cells, 4 trials, as recorded\n"


@pytest.mark.slow
def test_one_number_changed_by_hand_is_named(store: MemoryTracker) -> None:
    edit("table.csv", ",81.25,", ",81.26,")
    ended = run("verify", str(FOLDER))
    assert isinstance(ended.error, ResultsError)
    assert "table.csv: cell key_momentum=0.9, column mean: 81.26 in the file, 81.25 recomputed" in ended.out
    assert "1 of 1 do not" in str(ended.error)


@pytest.mark.slow
def test_an_edited_provenance_does_not_hide_the_other_folders(store: MemoryTracker) -> None:
    study = load_study("exp", "tiny")
    trials = name_trials(study, Home(".home"))
    publish_table(
        study,
        trials,
        store.load_trials(),
        store,
        Path("results/a/tiny"),
        TableOptions(all_seeds=True),
        home=Home(".home"),
        command="make sweep",
    )
    edit("provenance.json", "81.25", "81.26")
    ended = run("verify")
    assert isinstance(ended.error, ResultsError)
    assert "results/a/tiny: 2 cells, 4 trials, as recorded" in ended.out
    assert "results/exp/tiny/provenance.json must be as ftlab wrote it" in ended.out
    assert "1 of 2 do not" in str(ended.error)


@pytest.mark.slow
def test_an_edited_experiment_file_does_not_change_what_is_verified(
    store: MemoryTracker, write_experiment: WriteExperiment
) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.1]})
    assert run("verify", str(FOLDER)).error is None


def test_a_bundle_holds_all_and_checks(store: MemoryTracker) -> None:
    ended = run("bundle", "exp", "--profile", "tiny", "--archive", "zip")
    assert ended.error is None
    bundle = Path("bundles/exp/tiny")
    assert Path("bundles/exp/tiny.zip").is_file()
    listed = dict(line.split("  ")[::-1] for line in (bundle / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert files == {*listed, "SHA256SUMS"}
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()} < files
    assert {"README.md", "requirements.lock", "spec/exp.yaml", "spec/profiles/tiny.yaml"} < files
    for name, digest in listed.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest
    epochs = pd.read_csv(bundle / "epochs.csv")
    assert (len(epochs), list(epochs["epoch"][:2])) == (8, [1, 2])
    cells = yaml.safe_load((bundle / "cells.yaml").read_text())
    assert cells["key_momentum=0.5"]["method.key_momentum"] == 0.5
    assert json.loads((bundle / "provenance.json").read_text())["origin"]["study"] == "exp/tiny"


@pytest.mark.slow
def test_a_bundle_of_an_edited_table_is_refused(store: MemoryTracker) -> None:
    edit("table.md", "81.2", "99.9")
    ended = run("bundle", "exp", "--profile", "tiny")
    assert isinstance(ended.error, ResultsError)
    assert "but results/exp/tiny differs: table.md: line " in str(ended.error)
    assert not Path("bundles").exists()


@pytest.mark.slow
def test_a_bundle_of_an_edited_experiment_is_refused(store: MemoryTracker, write_experiment: WriteExperiment) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.1]})
    ended = run("bundle", "exp", "--profile", "tiny")
    assert isinstance(ended.error, ResultsError)
    assert "exp/tiny was edited since: cells key_momentum=0.5, key_momentum=0.1 differ" in str(ended.error)
