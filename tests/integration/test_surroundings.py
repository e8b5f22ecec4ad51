"""Sweeps in surroundings that a shell, a notebook, a cluster or a moved folder makes: each ends as it should.

One sweep is shared: it trained all trials of the experiment but one, which is left to the sweeps in its copies.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, Checkout, MakeCommand, trained_rows
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

from ftlab.tracking.tracking_uri import default_tracking_uri

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUESTION = "τ → 0, ≈ für alle?"
SWEEP = ("sweep", "EXP=momentum", "SEEDS=1", "SET=train.epochs=5")
RESULTS = "results/momentum/digits+train.epochs=5"
UNTRAINED = 0.5
# What a developer exports, and what the make that runs these tests hands down.
FOREIGN = ("FTLAB_", "MLFLOW_", "RAY_", "GIT_", "MAKE", "MFLAGS", "EXP", "SEEDS", "SET", "CPUS", "GPUS")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    output: str


class Place(Checkout):
    """A checkout with an environment of its own, in which make finds everything installed."""

    def __init__(self, folder: Path) -> None:
        ours = {name: text for name, text in os.environ.items() if not name.startswith(FOREIGN)}
        # Else Ray's workers wait for minutes on a busy machine.
        super().__init__(folder, {**ours, "RAY_worker_niceness": "0"})
        for name in (".venv", "experiments"):
            (folder / name).unlink(missing_ok=True)
        shutil.copytree(ROOT / "experiments", folder / "experiments")
        experiment = yaml.safe_load((ROOT / "experiments" / "momentum.yaml").read_text(encoding="utf-8"))
        momenta = [momentum for momentum in experiment["grid"]["method.key_momentum"] if momentum != UNTRAINED]
        self.write_experiment("momentum", {**experiment, "question": QUESTION})
        self.write_experiment("most", {**experiment, "grid": {"method.key_momentum": momenta}, "published": None})
        self._make_environment(folder / ".venv")

    def write_experiment(self, name: str, content: dict[str, Any]) -> None:
        """Write an experiment file, without what is None."""
        content = {key: value for key, value in content.items() if value is not None}
        file = self.folder / "experiments" / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    @property
    def home(self) -> Path:
        """The home that is used if nothing names another."""
        return self.folder / ".ftlab"

    @property
    def results(self) -> Path:
        """The folder of the table."""
        return self.folder / RESULTS

    def make(self, *arguments: str, prefix: tuple[str, ...] = (), seconds: float = 300.0, **surroundings: str) -> Ended:
        """Run make to its end."""
        environment = {**self.environment, "PYTHONPATH": str(self.folder / "platform"), **surroundings}
        command = MakeCommand(
            [*prefix, "make", *(arguments or SWEEP)], self.folder, environment, self.folder / "make.log"
        )
        try:
            status = command.wait(seconds)
        finally:
            command.kill()
        return Ended(status, command.log.read_text(encoding="utf-8", errors="replace"))

    @staticmethod
    def _make_environment(folder: Path) -> None:
        """Make an environment whose Python is reached through the checkout, with the packages of the one in use."""
        (folder / "bin").mkdir(parents=True)
        shutil.copyfile(Path(sys.prefix) / "pyvenv.cfg", folder / "pyvenv.cfg")
        (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
        (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
        script = folder / "bin" / "ftlab"
        script.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m ftlab "$@"\n')
        script.chmod(0o755)
        (folder / ".installed").touch()


MakePlace = Callable[..., Place]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A checkout in which all trials but one are trained."""
    place = Place(tmp_path_factory.mktemp("surroundings") / "begun")
    ended = place.make("sweep", "EXP=most", *SWEEP[2:])
    assert ended.status == 0, ended.output
    return place


@pytest.fixture
def make_place(tmp_path: Path) -> MakePlace:
    """Make a new checkout in a folder of that name; with one as a model, its home is copied."""

    def make(name: str = "checkout", model: Place | None = None) -> Place:
        place = Place(tmp_path / name)
        if model:
            shutil.copytree(model.home, place.home)
        return place

    return make


@pytest.fixture
def place(make_place: MakePlace, begun: Place) -> Place:
    """A checkout in which one trial is left to train."""
    return make_place(model=begun)


def runs(tracking_uri: str) -> list[Run]:
    """The runs of the momentum experiment: the study and the trial that was left."""
    client = MlflowClient(tracking_uri=tracking_uri)
    experiment = client.get_experiment_by_name("momentum")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def assert_swept(
    place: Place, ended: Ended, *, home: Path | None = None, tracking_uri: str = "", num_runs: int = 2
) -> None:
    """The table is complete, the study closed, and nothing was said that a user need not read."""
    assert (ended.status, "Traceback" in ended.output) == (0, False), ended.output
    assert len(trained_rows(place.results / "table.csv")) == 9
    assert QUESTION in (place.results / "report.html").read_text(encoding="utf-8")
    assert any((place.results / "figures").iterdir())
    found = runs(tracking_uri or default_tracking_uri(home or place.home))
    assert [run.info.status for run in found] == ["FINISHED"] * num_runs
    for run in found:
        assert Path(run.info.artifact_uri.removeprefix("file://")).is_dir() or "%" in run.info.artifact_uri


def test_a_store_that_takes_records_and_refuses_files(place: Place) -> None:
    client = MlflowClient(tracking_uri=default_tracking_uri(place.home))
    client.create_experiment("momentum", artifact_location="mlflow-artifacts:/")
    ended = place.make(seconds=120.0)
    assert (ended.status, "Traceback" in ended.output) == (2, False), ended.output
    assert "The tracking store takes records, but refuses files" in ended.output
    assert "The table is written, but could not be attached to the study's run" in ended.output
    assert len(trained_rows(place.results / "table.csv")) == 9


def test_a_checkout_that_was_renamed(place: Place) -> None:
    old, place.folder = place.folder, place.folder.rename(place.folder.with_name("renamed"))
    ended = place.make()
    assert_swept(place, ended)
    assert ended.output.count("their addresses in") == 1
    assert not old.exists()
    assert "their addresses in" not in place.make("verify").output


def test_a_home_that_was_moved(place: Place, tmp_path: Path) -> None:
    old, home = place.home, place.home.rename(tmp_path / "moved home")
    assert_swept(place, place.make(FTLAB_HOME=str(home)), home=home)
    assert not old.exists()


@pytest.mark.parametrize("root", ["pics", "{folder}/run #2"])
def test_paths_of_images_are_relative_and_literal(root: str, make_place: MakePlace) -> None:
    place = make_place()
    root = root.format(folder=place.folder)
    (place.folder / "run").mkdir()  # empty
    for number in range(300):
        image = Image.effect_noise((8, 8), 90.0)
        for split in ("train", "test") if number % 10 == 0 else ("train",):
            folder = place.folder / root / split / "abc"[number % 3]
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{number}.png")
    (place.folder / "classes.txt").write_text("a\nb\n")
    settings = f"train.epochs=5 data.name=folder data.class_list=classes.txt data.root={root}"
    ended = place.make(*SWEEP[:-1], f"SET={settings}")
    assert (ended.status, "Traceback" in ended.output) == (0, False), ended.output
    assert "[9/9]" in ended.output
    assert "failed" not in ended.output


@pytest.mark.parametrize(
    "surroundings",
    [
        {
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "LC_ALL": "de_DE.ISO-8859-1",
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "iso-8859-1",
        },
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "MLFLOW_LOGGING_LEVEL": "debug"},
        {"MLFLOW_LOGGING_LEVEL": "loud", "MPLBACKEND": "nothing", "LANG": "de_DE.ISO-8859-1"},
    ],
    ids=["a notebook of ISO-8859-1", "ASCII and debug", "misspelt"],
)
def test_what_a_notebook_and_a_locale_set(surroundings: dict[str, str], place: Place) -> None:
    place.environment |= surroundings
    assert_swept(place, place.make())


def test_a_home_of_characters_that_addresses_give_a_meaning(place: Place, tmp_path: Path) -> None:
    home = place.home.rename(tmp_path / "50% of ?a=b #2")
    ended = place.make(FTLAB_HOME=str(home))
    # Before MLflow is asked below, which makes a folder of its own.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["50% of ?a=b #2", "checkout"]
    assert_swept(place, ended, home=home)


def test_an_address_of_a_store_that_has_options(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    uri = f"sqlite:///{tmp_path}/x/m.db?timeout=60"
    ended = place.make(MLFLOW_TRACKING_URI=uri)
    assert_swept(place, ended, tracking_uri=uri, num_runs=10)  # the journal brought the others
    assert {path.name for path in (tmp_path / "x").iterdir()} <= {"m.db", "m.db.lock", "m.db-shm", "m.db-wal"}
    assert f"{tmp_path}/x/m.db" in place.make("doctor", MLFLOW_TRACKING_URI=uri).output


@pytest.mark.parametrize("target", ["sweep", "search"])
@pytest.mark.parametrize("home", ["/proc/home", "Makefile", "Makefile/home", "/sys/home"])
def test_a_home_that_cannot_be_written(home: str, target: str, make_place: MakePlace) -> None:
    place = make_place()
    experiment = "EXP=search_ft" if target == "search" else "EXP=momentum"
    ended = place.make(target, experiment, FTLAB_HOME=home, seconds=60.0)
    assert (ended.status, "Traceback" in ended.output) == (2, False), ended.output
    errors = [line for line in ended.output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert home.rpartition("/")[2] in errors[0]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto", "nowhere.invalid:6379"])
def test_a_ray_cluster_that_is_not_there(address: str, make_place: MakePlace) -> None:
    ended = make_place().make(RAY_ADDRESS=address, seconds=120.0)
    assert (ended.status, "Traceback" in ended.output) == (2, False), ended.output
    assert "error: Ray must be started or reached" in ended.output


def test_a_process_of_one_core(make_place: MakePlace) -> None:
    place = make_place()
    one = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
    place.write_experiment("momentum", {"question": QUESTION, "grid": {"method.key_momentum": [0.5, 0.55]}, "seeds": 1})
    planned, ended = place.make("plan", *SWEEP[1:], prefix=one), place.make(prefix=one)
    assert (planned.status, ended.status) == (0, 0), planned.output + ended.output
    for output in (planned.output, ended.output):
        assert "1 trial per machine at a time" in output


def test_a_repository_that_the_environment_names(place: Place, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    git = ("git", "-C", str(foreign), "-c", "user.name=a", "-c", "user.email=a@b")
    foreign.mkdir()
    for arguments in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message", "first")):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    assert_swept(place, place.make(GIT_DIR=str(foreign / ".git"), GIT_WORK_TREE=str(foreign)))
    tags = [run.data.tags for run in runs(default_tracking_uri(place.home))]
    assert [commit in str(one) for one in tags] == [False, False]
    assert any("git.commit" in name for one in tags for name in one)


def test_a_space_in_the_path_of_the_checkout(make_place: MakePlace, begun: Place) -> None:
    place = make_place("my own checkout", begun)
    planned = place.make("plan", *SWEEP[1:])
    assert planned.status == 0, planned.output
    assert "9 trials: 1 new, 0 resumed, 8 reused" in planned.output
    assert_swept(place, place.make())


def test_variables_that_the_shell_exports(place: Place) -> None:
    ended = place.make("sweep", "EXP=momentum", SEEDS="1", SET="train.epochs=5", GPUS="0")
    assert ended.output.startswith("from the environment: SEEDS='1' SET='train.epochs=5' GPUS='0'\n")
    assert_swept(place, ended)
    refused = place.make(GPUS="0,1")
    assert (refused.status, "Traceback" in refused.output) == (2, False)
    assert refused.output.startswith("from the environment: GPUS='0,1'\n")


def test_a_folder_of_temporary_files_that_is_deep(place: Place, tmp_path: Path) -> None:
    deep = tmp_path / ("ü" * 60) / "deeper"
    deep.mkdir(parents=True)
    assert_swept(place, place.make(TMPDIR=str(deep)))
