"""The Makefiles: what a user types arrives at the command line as it was typed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.cli.options import split_settings

ROOT = Path(__file__).parents[2]
MAKEFILES = ["Makefile", "platform/ftlab/new_project/template/Makefile"]

Make = Callable[..., list[str]]


@pytest.fixture(params=MAKEFILES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Run a copy of a Makefile, in a folder with a space, with programs that print their arguments."""
    folder = tmp_path / "my checkout"
    (folder / ".venv" / "bin").mkdir(parents=True)
    stub = '#!/bin/sh\ncase "$1" in -c) echo "$(pwd)/prefix"; exit;; -m) shift 2;; esac\nprintf "%s\\n" "$@"\n'
    for program in ("ftlab", "python"):
        (folder / ".venv" / "bin" / program).write_text(stub)
        (folder / ".venv" / "bin" / program).chmod(0o755)
    (folder / "Makefile").write_text((ROOT / request.param).read_text())

    def run(target: str, *variables: str, **exported: str) -> list[str]:
        command = ["make", "--silent", target, "STAMP=", "PYTHON=.venv/bin/python", *variables]
        environment = {"PATH": os.environ["PATH"], **exported}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(
    ("typed", "settings"),
    [
        ("data.root=/data/my images", ["data.root=/data/my images"]),
        ("a=1 b=2", ["a=1", "b=2"]),
        ("train.epochs=2  data.root=/x/run #2 b.c=1", ["train.epochs=2", "data.root=/x/run #2", "b.c=1"]),
        ('data.root=/x/it\'s "here"', ['data.root=/x/it\'s "here"']),
        ("data.root=/x/$HOME/$(no)/`no` b.c=1", ["data.root=/x/$HOME/$(no)/`no`", "b.c=1"]),
        ("data.root=/x,y;z&w|v", ["data.root=/x,y;z&w|v"]),
        ("model.widths=[1, 2] a.b=c=d", ["model.widths=[1, 2]", "a.b=c=d"]),
    ],
)
def test_a_setting_arrives_as_it_was_typed(typed: str, settings: list[str], make: Make) -> None:
    for printed in (make("sweep", f"SET={typed}"), make("sweep", SET=typed)[1:]):
        assert ["--set", typed] == printed[printed.index("--set") :][:2]
    assert split_settings([typed]) == settings


def test_what_the_shell_exports_is_named_first(make: Make) -> None:
    printed = make("sweep", "SEEDS=2", GPUS="0,1", SEEDS="0 1 2", EXP="queue")
    assert printed[0] == "from the environment: EXP='queue' GPUS='0,1'"
    assert printed[1:] == ["sweep", "queue", "--profile", "digits", "--seeds", "2", "--gpus", "0,1"]


@pytest.mark.parametrize("make", MAKEFILES[:1], indirect=True)
@pytest.mark.parametrize("target", ["sweep", "table", "search", "bundle"])
def test_results_are_written_where_they_were_asked_for(target: str, make: Make) -> None:
    printed = make(target, "RESULTS=my results")
    assert printed[printed.index("--results") :][:2] == ["--results", "my results"]
    assert "--results" not in make(target)
