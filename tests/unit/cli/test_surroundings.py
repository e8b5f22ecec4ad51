"""Commands in surroundings that a shell or a notebook sets: no traceback, and files in UTF-8."""

import os
import subprocess
import sys

import pytest

from ftlab.cli.command_line import main

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PROGRAM = "from ftlab.cli.command_line import main; main()"


@pytest.mark.parametrize(
    ("surroundings", "shown"),
    [
        (ASCII, b"S?S"),
        pytest.param({**ASCII, "PYTHONIOENCODING": "iso-8859-1"}, b"S?S", marks=pytest.mark.slow),
        pytest.param({**ASCII, "PYTHONIOENCODING": "iso-8859-15"}, b"S?S", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "ascii:strict"}, b"S?S", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "cp1252"}, b"S?S", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "utf-8"}, "S→S".encode(), marks=pytest.mark.slow),
    ],
    ids=lambda value: repr(value)[-24:],
)
def test_output_replaces_what_a_terminal_cannot_show(surroundings: dict[str, str], shown: bytes) -> None:
    program = "from ftlab.cli import command_line; from ftlab.terminal.console import complain, say\n"
    program += "command_line.app = lambda **_: (say('S\\u2192S'), complain('S\\u2192S'))\ncommand_line.main()"
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **surroundings}, capture_output=True)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, shown, shown)


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nothing", "tkagg", "", "WebAgg"])
def test_a_backend_of_the_surroundings_is_not_imported(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", backend)
    monkeypatch.setattr("ftlab.cli.command_line.app", lambda **_: None)
    main()
    assert os.environ["MPLBACKEND"] == "agg"


@pytest.mark.slow  # MLflow takes seconds to import
@pytest.mark.parametrize("level", ["debug", "Warning", "loud", "", "10"])
def test_a_level_of_mlflow_is_read_as_mlflow_writes_it(level: str) -> None:
    program = "import ftlab.tracking.mlflow.connection as made; print(made._LEVEL)"
    surroundings = {**os.environ, "MLFLOW_LOGGING_LEVEL": level}
    done = subprocess.run([sys.executable, "-c", program], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
