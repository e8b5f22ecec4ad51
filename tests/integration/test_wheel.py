"""The built wheel, in an environment and a folder without a checkout."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from checkout import trained_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


def test_a_project_starts_from_the_wheel_alone(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    venv.create(tmp_path / "environment", with_pip=True)
    python = tmp_path / "environment" / "bin" / "python"
    _lend_libraries(tmp_path / "environment")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)

    # PIP_NO_BUILD_ISOLATION=0 switches isolation off: the build backend is lent too.
    quiet = {"FTLAB_HOME", "FTLAB_EXPERIMENTS", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    environment |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}

    def run(*arguments: str, folder: Path) -> str:
        done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = run(str(python), "-c", "import ftlab; print(ftlab.__file__)", folder=tmp_path)
    assert where.startswith(str(tmp_path)), where
    run(str(python.parent / "ftlab"), "init", "mine", folder=tmp_path)
    short = ("SEEDS=1", "SET=train.epochs=2")
    for experiment, rows in (("momentum", 9), ("alignment_uniformity", 4)):
        run("make", "sweep", f"EXP={experiment}", *short, folder=tmp_path / "mine")
        [table] = (tmp_path / "mine" / "results" / experiment).glob("*/table.csv")
        assert len(trained_rows(table)) == rows
    assert "7 passed" in run("make", "test", folder=tmp_path / "mine")


def _lend_libraries(environment: Path) -> None:
    """Let an environment see the libraries of this one, without what makes this checkout importable."""
    [packages] = environment.glob("lib/python*/site-packages")
    [ours] = Path(sys.prefix).glob("lib/python*/site-packages")
    for library in ours.iterdir():
        if "ftlab" not in library.name and not (packages / library.name).exists():
            (packages / library.name).symlink_to(library)
