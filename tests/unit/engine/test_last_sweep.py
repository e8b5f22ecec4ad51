import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ftlab.config.home import Home
from ftlab.engine import last_sweep
from ftlab.engine.last_sweep import LastSweep, Shown, show_again
from ftlab.publish.table_options import TableOptions
from ftlab.study.spec import StudySpec, load_study
from ftlab.terminal.fitted_table import Column
from ftlab.terminal.table_listing import Grid, TableListing

pytestmark = pytest.mark.usefixtures("decode_once")

OPTIONS = TableOptions(all_seeds=True)
COLUMNS = (Column("momentum", is_numeric=True), Column("top-1 (%)", rank=2))
GRID = Grid("", COLUMNS, ((("0.9", False), ("81.0", True)),))
LISTING = TableListing("Does it work?", (GRID,), ("A note.",), "table.csv")
SHOWN = Shown(("1 trials: 0 new",), LISTING, (("MLflow:", "x"),))

CURVES = "results/exp/tiny/figures/curves.png"
RECORDS = ("mlflow.db", "artifacts/exp/scores.parquet", "trials/a.jsonl", "floors/a.json", "tables/a.json")
FILES = (*(f"home/{name}" for name in RECORDS), CURVES)


@pytest.fixture
def study(write_experiment: Callable[..., None]) -> StudySpec:
    write_experiment("exp", grid={"method.key_momentum": [0.9]})
    return load_study("exp", "tiny")


@pytest.fixture
def place(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with records of each kind, and the files of a table."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for path in (*(home / name for name in RECORDS), tmp_path / CURVES):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    return tmp_path


def last(study: StudySpec, place: Path, home: Home, options: TableOptions = OPTIONS) -> LastSweep:
    return LastSweep(study, options, place / "results" / "exp" / "tiny", home)


def keep(study: StudySpec, place: Path, home: Home) -> None:
    last(study, place, home).keep(SHOWN, [place / CURVES])


def test_the_same_is_shown_again(study: StudySpec, place: Path, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert not show_again(study, OPTIONS, place / "results")
    keep(study, place, home)
    assert show_again(study, OPTIONS, place / "results")
    SHOWN.print()
    printed = capsys.readouterr().out
    assert printed[: len(printed) // 2] == printed[len(printed) // 2 :]
    assert "81.0" in printed
    # What is no part of a sweep with nothing to train changes nothing.
    (home / "costs").mkdir()
    (home / "costs" / "a.json").write_text("{}")
    assert show_again(study, OPTIONS, place / "results")


def alter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def add(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        *((alter, name) for name in FILES),
        *((Path.unlink, name) for name in FILES),
        # another trial, another study's claim, and what a killed process left beside the store
        *((add, f"home/{name}") for name in ("trials/b.jsonl", "artifacts/b", "plans/b.json", "mlflow.db-journal")),
    ],
)
def test_nothing_is_shown_when_a_record_or_a_file_has_changed(
    change: Callable[[Path], None], name: str, study: StudySpec, place: Path, home: Home
) -> None:
    keep(study, place, home)
    change(home / name.removeprefix("home/") if name.startswith("home/") else place / name)
    assert last(study, place, home).load() is None


def test_nothing_is_shown_of_another_study_option_code_or_place(
    study: StudySpec, place: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(study, place, home)
    assert last(study, place, home).load() == SHOWN
    assert last(replace(study, question="Really?"), place, home).load() is None
    assert last(study, place, home, replace(OPTIONS, interval="bca")).load() is None
    assert LastSweep(study, OPTIONS, place / "elsewhere", home).load() is None
    monkeypatch.setattr(last_sweep, "code_digest", lambda _: "another")
    assert last(study, place, home).load() is None


def test_nothing_is_kept_after_a_warning_or_of_a_server(
    study: StudySpec, place: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = last(study, place, home)
    with sweep.heard.listening():
        logging.getLogger("ftlab.tracking").warning("something is damaged")
    sweep.keep(SHOWN, [])
    assert last(study, place, home).load() is None
    keep(study, place, home)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert last(study, place, home).load() is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    assert last(study, place, home).load() == SHOWN


def test_a_damaged_file_shows_nothing(study: StudySpec, place: Path, home: Home) -> None:
    keep(study, place, home)
    (file,) = (home / "sweeps").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    assert last(study, place, home).load() is None
    assert [path.name for path in (home / "sweeps").iterdir()] == [
        path.name for path in (home / "sweeps").glob("*.damaged-*")
    ]


def test_a_warning_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    script = (
        "import logging\n"
        "from ftlab.terminal.heard_warnings import HeardWarnings\n"
        "heard = HeardWarnings()\n"
        "with heard.listening():\n"
        "    logging.getLogger('ftlab.data').warning('one')\n"
        "logging.getLogger('ftlab.data').warning('two')\n"
        "print(heard.any)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "one\ntwo\n")


def test_what_is_shown_again_needs_no_store_no_frames_and_no_figures() -> None:
    script = "import ftlab.cli.command_line, ftlab.cli.sweep_command, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"mlflow", "pandas", "scipy", "pyarrow", "sqlalchemy", "torch", "ray", "matplotlib", "plotly"}
    assert not heavy & set(done.stdout.split())
