import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from rich.cells import cell_len

from ftlab.cli.command_line import main
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.tracking.memory_tracker import MemoryTracker

EXPERIMENTS = Path(__file__).parents[3] / "experiments"

WriteExperiment = Callable[..., None]


class Ended(NamedTuple):
    status: int
    out: str
    err: str


RunFtlab = Callable[..., Ended]


@pytest.fixture
def run_ftlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> RunFtlab:
    """Run a command line in this process, in an empty folder; a traceback fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # training pins it

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ftlab", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> MemoryTracker:
    """A tracking store in memory, in the place of MLflow."""
    tracker = MemoryTracker()
    monkeypatch.setattr("ftlab.tracking.mlflow.mlflow_tracker.MlflowTracker", lambda *_: tracker)
    return tracker


@pytest.mark.parametrize("command", ["plan", "sweep", "table", "config"])
def test_a_misspelt_experiment_names_the_nearest(command: str, run_ftlab: RunFtlab) -> None:
    ended = run_ftlab(command, "momentm")
    assert ended.status == 1
    # A developer's own experiments are among them.
    choices = ", ".join(sorted(path.stem for path in EXPERIMENTS.glob("*.yaml")))
    assert f"but got 'momentm'. Did you mean 'momentum'? Choices: {choices}." in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--profile", "digit"), "profile must be a file in"),
        (("--profile", "digit"), "Did you mean 'digits'?"),
        (("--set", "train.epoch=3"), "Did you mean 'train.epochs'?"),
        (("--set", "train.epochs"), "an override must read name=value, but got 'train.epochs'"),
        (("--set", "train.epochs=many"), "train.epochs must be a whole number, but got the text 'many'"),
        (("--set", "method.key_momentum=0.5"), "an override must not be an axis of the experiment"),
        (("--set", "method.queue_size=100"), "nearest valid queue_size: 128"),
        (("--set", "model.stem=cifar"), "a setting must have an effect, but 'model.stem' has none"),
        (("--seeds", "0"), "SEEDS must be a whole number from 1 to 10,000 or 'auto', but got '0'; nearest valid: 1."),
    ],
)
def test_a_wrong_setting_is_one_message(arguments: tuple[str, ...], message: str, run_ftlab: RunFtlab) -> None:
    ended = run_ftlab("sweep", "momentum", *arguments)
    assert ended.status == 1
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_an_unknown_command_is_refused(run_ftlab: RunFtlab) -> None:
    ended = run_ftlab("swep", "momentum")
    assert ended.status == 2
    assert "No such command" in ended.err


def test_config_prints_yaml_that_loads(run_ftlab: RunFtlab) -> None:
    ended = run_ftlab("config", "momentum", "--set", "train.epochs=3", "--seeds", "2")
    content = yaml.safe_load(ended.out)
    assert (content["experiment"], content["profile"], content["seeds"]) == ("momentum", "digits", [0, 1])
    assert len(content["cells"]) == 9
    for cell in content["cells"].values():
        assert TrialConfig.model_validate(cell).train.epochs == 3


def test_schema_writes_json_schemas(run_ftlab: RunFtlab, tmp_path: Path) -> None:
    assert run_ftlab("schema", str(tmp_path / "schema")).status == 0
    schema = json.loads((tmp_path / "schema" / "experiment.json").read_text())
    assert "question" in schema["properties"]


def test_plan_lists_what_is_new(
    run_ftlab: RunFtlab, write_experiment: WriteExperiment, tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftlab.cli.plan_command.MAX_CALIBRATIONS", 0)  # an integration test calibrates
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]})
    ended = run_ftlab("plan", "exp", "--profile", "tiny")
    assert ended.status == 0
    assert "new  key_momentum=0.5 seed 1" in ended.out
    assert "4 trials: 4 new, 0 resumed, 0 reused; 8 epochs to train" in ended.out
    assert "estimate: none" in ended.out
    assert tracker.trials == {}


def test_a_table_without_trials_says_how_to_get_them(
    run_ftlab: RunFtlab, write_experiment: WriteExperiment, tracker: MemoryTracker, tmp_path: Path
) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]})
    ended = run_ftlab("table", "exp", "--profile", "tiny")
    assert ended.status == 0
    assert "4 of 4 trials are not recorded yet: make sweep EXP=exp PROFILE=tiny" in " ".join(ended.out.split())
    assert (tmp_path / "results" / "exp" / "tiny" / "table.csv").is_file()


@pytest.mark.parametrize("command", ["sweep", "table"])
def test_an_unknown_interval_is_refused(command: str, run_ftlab: RunFtlab) -> None:
    ended = run_ftlab(command, "momentum", "--interval", "bootstrap")
    assert ended.status == 2
    assert "bootstrap" in ended.err
    assert "bca" in ended.err


@pytest.mark.parametrize("command", ["plan", "table"])
def test_a_missing_data_set_says_where_it_was_looked_for(
    command: str, run_ftlab: RunFtlab, tracker: MemoryTracker, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    ended = run_ftlab(command, "momentum", "--set", "data.name=folder", "--set", f"data.root={nowhere}")
    assert ended.status == 1
    assert f"{nowhere}/train does not exist" in ended.err
    assert "Traceback" not in ended.err


def test_a_batch_larger_than_the_data_set_is_refused(run_ftlab: RunFtlab, tracker: MemoryTracker) -> None:
    settings = ("--set", "train.batch_size=2000", "--set", "method.queue_size=2000")
    ended = run_ftlab("plan", "momentum", *settings)
    assert ended.status == 1
    assert "train.batch_size must be at most the number of training images, but got 2000" in ended.err


def test_a_trial_is_trained_once(
    run_ftlab: RunFtlab, write_experiment: WriteExperiment, tracker: MemoryTracker
) -> None:
    write_experiment("unused", cells=[{"name": "a"}])
    first = run_ftlab("train", "--profile", "tiny", "--seed", "1")
    assert "epoch 2/2: loss" in first.out
    assert "[1/1] trial seed 1: " in first.out
    assert list(tracker.study_ends) == ["train/tiny"]
    (key,) = tracker.trials
    assert f"trained already: {key}" in run_ftlab("train", "--profile", "tiny", "--seed", "1").out


def test_a_negative_seed_is_refused(run_ftlab: RunFtlab) -> None:
    assert "a seed must be at least 0, but got -1" in run_ftlab("train", "--seed", "-1").err


@pytest.mark.parametrize("command", ["plan", "table"])
def test_a_store_that_does_not_answer_is_named(
    command: str, run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    ended = run_ftlab(command, "momentum")
    assert ended.status == 1
    assert "error: the MLflow store must answer, but http://127.0.0.1:9 did not" in ended.err
    assert "Traceback" not in ended.err


def test_a_store_of_an_unknown_kind_is_refused(run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert "a tracking URI must start with sqlite:///" in run_ftlab("plan", "momentum").err


def test_the_dashboard_is_a_process_of_its_own(run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return start([sys.executable, "-c", "print('http://127.0.0.1:8123'); exit(3)"], **options)

    monkeypatch.setattr("ftlab.cli.serve_command.subprocess.Popen", popen)
    ended = run_ftlab("dashboard", "--port", "8123")
    assert (ended.status, ended.out) == (3, "http://127.0.0.1:8123\n")
    assert commands == [[sys.executable, "-m", "explorer", "--port", "8123"]]


def test_a_full_disk_is_one_message(run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    schema = tmp_path / "experiments" / "schema"
    schema.mkdir(parents=True)
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(schema.parent))
    (schema / "experiment.json").symlink_to("/dev/full")
    ended = run_ftlab("schema")
    assert ended.status == 1
    assert "error: a disk must have space left, but [Errno 28] No space left on device. Free some space" in ended.err


@pytest.mark.parametrize(
    "value",
    ["a" * 1_000_000, "\n" * 100_000, "\x1b" * 100_000, "é" * 100_000, "a\n" * 100_000, "?a=" * 100_000],
    ids=lambda value: repr(value[:2]),
)
def test_a_message_fills_at_most_a_screen(value: str, run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ConfigError(f"a value must be short, but got {value}; nearest valid: 1.")

    monkeypatch.setattr("ftlab.cli.config_command.load_asked", refuse)
    err = run_ftlab("config", "momentum").err
    assert err.startswith("error: a value must be short, but got ")
    assert " characters left out) ... " in err
    assert err.endswith("; nearest valid: 1.\n")
    assert sum(max(1, -(-cell_len(line) // 80)) for line in err.splitlines()) <= 24


def test_a_message_of_a_screen_is_shown_whole(run_ftlab: RunFtlab, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "\n".join(f"{number} {'a' * 76}" for number in range(10, 28))

    def refuse(*_: object) -> None:
        raise ConfigError(message)

    monkeypatch.setattr("ftlab.cli.config_command.load_asked", refuse)
    assert run_ftlab("config", "momentum").err == f"error: {message}\n"


def test_list_names_the_files_and_version_the_release(
    run_ftlab: RunFtlab, write_experiment: WriteExperiment, decode_once: None
) -> None:
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]})
    out = run_ftlab("list", "--profile", "tiny").out
    assert "0 of 4 trials" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("exp ", "tiny "))] == ["exp", "tiny"]
    assert "Did you mean 'tiny'" in run_ftlab("list", "--profile", "tyny").err
    assert run_ftlab("--version").out.startswith("ftlab 0.")
