"""What `ftlab init` writes: where it may, and that it works with nothing but ftlab beside it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from installed_copies import write_information

from ftlab.config.loading import shipped_experiments
from ftlab.errors import ConfigError
from ftlab.new_project.project_files import write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose package is installed."""
    folder = tmp_path / "my-lab"
    assert write_project(folder) == "my_lab"
    declared = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [f"{key} = {value}" for key, value in declared["ftlab.methods"].items()]
    write_information(folder, "my_lab", "0.1.0", "\n".join(["[ftlab.methods]", *lines]))
    return folder


def run(project: Path, *arguments: str) -> str:
    """Return the output of Python in the project."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run([sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(project: Path, *arguments: str) -> str:
    """Return the output of make in the project, also where make runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", *arguments], cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_its_experiments_are_read_where_it_is(project: Path) -> None:
    shown = run(project, "-m", "ftlab", "config", "alignment_uniformity", "--seeds", "1")
    assert "name: alignment_uniformity" in shown
    assert "uniformity_weight: 0.5" in shown


def test_its_makefile_calls_the_python_that_wrote_it(project: Path) -> None:
    assert "make sweep" in make(project)
    planned = make(project, "-n", "sweep", "EXP=queue", "SEEDS=1", "SET=train.epochs=2").splitlines()
    command = f"{sys.executable} -m ftlab sweep queue --profile digits --seeds 1 --set 'train.epochs=2'"
    assert planned[-1].strip() == command


def test_everything_shipped_is_there_and_no_placeholder(project: Path) -> None:
    shipped = {path.relative_to(shipped_experiments()) for path in shipped_experiments().rglob("*.yaml")}
    assert {path.relative_to(project / "experiments") for path in (project / "experiments").rglob("*.yaml")} > shipped
    texts = [path.read_text() for path in project.rglob("*") if path.suffix in (".py", ".toml", ".md")]
    assert len(texts) == 6
    assert not any("own_package" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("torch", "'torch', which is there already; e.g. my_torch"), ("class", "which is none"), ("2026", "my_2026")],
)
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        write_project(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_project(folder)
    (folder / "Makefile").write_text("of the user")
    for taken in (folder, folder / "Makefile"):
        with pytest.raises(ConfigError, match="new or empty, but"):
            write_project(taken)
    assert (folder / "Makefile").read_text() == "of the user"
