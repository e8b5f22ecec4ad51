import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from ftlab.cli.command_line import app as ftlab
from ftlab.cli.journal_command import app
from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import TrackingError
from ftlab.importing.trial_file import read_trial_file
from ftlab.machine.hardware import Hardware
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.recorder import TrialRecorder
from ftlab.study.spec import resolve_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.tracker import NullTracker
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.tracking.writer import TrackingWriter

WriteExperiment = Callable[..., None]

HARDWARE = Hardware(cpu="a Xeon", cores="64", device="NVIDIA H100", threads=8, together=1)
GRID = {"method.key_momentum": [0.9, 0.5]}
TABLE = "exp/tiny, 2 trials: make table EXP=exp PROFILE=tiny"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_profile: dict[str, Any]) -> Path:
    """A home without a store, in which two cells of an experiment were trained once."""
    home = Home(str(tmp_path_factory.mktemp("trained")))
    experiment = ExperimentConfig.model_validate({"question": "?", "grid": GRID, "seeds": 1})
    study = resolve_study("exp", experiment, "tiny", ProfileConfig.model_validate(tiny_profile))
    writer = TrackingWriter(NullTracker(), Journal(home / "trials"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for trial in name_trials(study, home):
        run_here(
            Assignment(trial),
            home=home,
            device=torch.device("cpu"),
            checkpoint_seconds=60.0,
            listeners=[TrialRecorder(study.results_name, writer, HARDWARE)],
        )
    torch.set_num_threads(threads)
    assert writer.close() == []
    return home.local


@pytest.fixture
def node(trained: Path, write_experiment: WriteExperiment, tmp_path: Path) -> Path:
    """The home of a node, and the experiment that was trained there."""
    write_experiment("exp", grid=GRID, baseline="key_momentum=0.9", seeds=1)
    shutil.copytree(trained / "trials", tmp_path / "node" / "trials")
    return tmp_path / "node"


@pytest.fixture
def store_uri(home: Home, first_start: tuple[Path, str]) -> str:
    """The empty store of this home."""
    home.local.mkdir()
    shutil.copy(first_start[0], home.local)
    return default_tracking_uri(home.local)


def run(folder: Path) -> Result:
    return CliRunner().invoke(app, [str(folder)])


def files(folder: Path) -> list[Path]:
    return sorted((folder / "trials").iterdir())


@pytest.mark.slow
def test_what_a_node_recorded_becomes_a_table_here(node: Path, home: Home, store_uri: str, tmp_path: Path) -> None:
    ended = run(node)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines() == [
        "2 trials: brought in",
        "2 trials: recorded in the tracking store",
        TABLE,
    ]
    recorded = MlflowTracker(store_uri).load_trials().set_index("trial_key")
    assert [path.read_bytes() for path in files(home.local)] == [path.read_bytes() for path in files(node)]
    for path in files(node):
        file, row = read_trial_file(path), recorded.loc[path.stem]
        assert {name: row[name] for name in file.metrics} == file.metrics
        assert row["tags"] == file.trial.tags
        assert row["params"] == file.trial.params
    results = tmp_path / "results"
    made = CliRunner().invoke(ftlab, ["table", "exp", "--profile", "tiny", "--results", str(results)])
    assert made.exit_code == 0, made.output
    assert "not recorded yet" not in made.output
    assert (results / "exp" / "tiny" / "trials.csv").read_text().count("key_momentum=") == 2


@pytest.mark.slow
def test_a_second_time_nothing_is_added(node: Path, home: Home, store_uri: str) -> None:
    run(node)
    before = [path.read_bytes() for path in files(home.local)], MlflowTracker(store_uri).load_trials()
    ended = run(node / "trials")
    assert (ended.exit_code, ended.stdout.splitlines()) == (
        0,
        ["2 trials: there already", "nothing was added to the journal", TABLE],
    )
    assert [path.read_bytes() for path in files(home.local)] == before[0]
    assert MlflowTracker(store_uri).load_trials().equals(before[1])


def test_a_store_that_does_not_answer_gets_its_records_later(
    node: Path, home: Home, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:9")
    ended = run(node)
    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == ["2 trials: brought in", TABLE]
    assert "the MLflow store must answer" in ended.stderr
    assert "the records are kept, and the same command delivers them" in ended.stderr
    assert "secret" not in ended.output
    assert len(files(home.local)) == 2
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    ended = run(node)
    assert (ended.exit_code, ended.stdout.splitlines()) == (
        0,
        [
            "2 trials: there already",
            "nothing was added to the journal",
            "2 trials: recorded in the tracking store",
            TABLE,
        ],
    )


def test_a_file_with_a_fault_is_named_and_left_out_whole(node: Path, home: Home, store_uri: str) -> None:
    bad, good = files(node)
    content = bad.read_bytes()
    bad.write_bytes(content.replace(b'"pretrain/loss":', b'"pretrain/Loss":', 1))
    ended = run(node)
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[:2] == ["1 trials: brought in", "1 trials: recorded in the tracking store"]
    named, summary = ended.stderr.splitlines()
    assert named.startswith(f"{bad}:2: a line must be as ftlab wrote it, but its checksum differs")
    assert summary == "1 files were left out for a fault."
    assert [path.name for path in files(home.local)] == [good.name]
    bad.write_bytes(content)
    assert run(node).stdout.splitlines()[:2] == ["1 trials: brought in", "1 trials: there already"]


def test_many_faults_are_counted(node: Path, store_uri: str) -> None:
    for number in range(30):
        (node / "trials" / f"{number:032x}.jsonl").touch()
    ended = run(node)
    assert ended.exit_code == 1
    assert len(ended.stderr.splitlines()) == 22
    assert ended.stderr.splitlines()[-2:] == [
        "... and 10 more",
        "30 files were left out for a fault.",
    ]


def test_other_numbers_unchecked_lines_and_open_trials_are_said(node: Path, home: Home, store_uri: str) -> None:
    run(node)
    first, second = files(node)
    entry = Journal(node / "trials").read(first.stem)
    assert entry is not None
    assert entry.outcome is not None
    first.unlink()
    theirs = Journal(node / "trials")
    theirs.append_trial(entry.trial)
    for epoch in entry.epochs:
        epoch.metrics["knn/top1"] = 1.5  # type: ignore[index]
    theirs.append_epochs(first.stem, entry.epochs)
    theirs.append_outcome(first.stem, entry.outcome)
    lines = second.read_text().splitlines()
    unsealed = [line.rpartition(',"format"')[0] for line in lines[:-1]]
    second.write_text("".join(f"{line}}}\n" for line in unsealed))
    ended = run(node)
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[:4] == [
        "1 trials: there already with other numbers, and left as they are",
        "1 trials: left out, not ended",
        "nothing was added to the journal",
        f"{len(lines) - 1} lines of 1 trials have no checksum and are unchecked",
    ]
    assert f"exp/tiny, {entry.trial.name} ({first.stem}): knn/top1 " in ended.stderr
    assert ended.stderr.strip().endswith(" here, 1.5 there")


def test_what_is_no_folder_is_one_message(tmp_path: Path) -> None:
    ended = run(tmp_path / "nowhere")
    assert isinstance(ended.exception, TrackingError)
    assert not (tmp_path / "home").exists()
