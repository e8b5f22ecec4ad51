"""The notebook runs, and the examples of the public functions hold, in a folder of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
# In an order in which each finds what it needs.
EXAMPLES = """
import doctest
import ftlab

runner = doctest.DocTestRunner()
for name in ("plan", "sweep", "load_epochs", "load_table", "load_trials"):
    for test in doctest.DocTestFinder().find(getattr(ftlab, name), name):
        for example in test.examples:
            example.options.pop(doctest.SKIP, None)
        runner.run(test)
assert runner.summarize().attempted >= 10 and not runner.failures, "an example of a public function fails"
"""


def run_python(script: str, folder: Path) -> str:
    """Run a script in a folder with the shipped experiments and what the documentation holds."""
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    (folder / "docs").symlink_to(ROOT / "docs")
    quiet = {"FTLAB_HOME", "FTLAB_EXPERIMENTS", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet} | {"MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads((ROOT / "docs" / "notebooks" / "first_table.ipynb").read_text("utf-8"))["cells"]
    assert [cell.get("outputs", []) for cell in cells if cell.get("outputs")] == []
    script = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    printed = run_python(script, tmp_path)
    assert "4 trials: 4 new, 0 resumed, 0 reused; 80 epochs to train" in printed
    assert (tmp_path / "first_table.png").stat().st_size > 10_000


def test_the_examples_of_public_functions_hold(tmp_path: Path) -> None:
    run_python(EXAMPLES, tmp_path)
