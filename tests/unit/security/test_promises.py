"""The threat model holds: each promise names tests that exist, and the code has no way around its guards."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Files and the functions in them, as the page names them: `study/test_x.py::test_y`, `integration/test_x.py::test_y`.
NAMED = re.findall(r"`((?:[\w/]+/)?test_\w+\.py)::(test_\w+)`", PAGE)
SOURCES = [path for folder in ("platform", "dashboards", "docker", ".ci") for path in (ROOT / folder).rglob("*.py")]
FORBIDDEN = """
import pickle; pickle.loads(b"")
import joblib; joblib.load("x")
import cloudpickle; cloudpickle.loads(b"")
import dill; dill.loads(b"")
import shelve; shelve.open("x")
import marshal; marshal.loads(b"")
import yaml; yaml.load("x", yaml.Loader)
import yaml; yaml.unsafe_load("x")
import yaml; yaml.full_load("x")
import yaml; yaml.safe_load("x")
import torch; torch.load("x")
import torch; torch.load("x", weights_only=False)
import torch; torch.hub.load("x", "y")
import numpy as np; np.load("x", allow_pickle=True)
import pandas as pd; pd.read_pickle("x")
import subprocess; subprocess.run("x", shell=True)
import os; os.system("x")
import os; os.popen("x")
eval("x")
exec("x")
import tarfile; tarfile.open("x").extractall("y")
import tempfile; tempfile.mktemp()
import requests; requests.get("x", verify=False)
from markupsafe import Markup; Markup(f"{input()}")
import jinja2; jinja2.Environment(autoescape=False)
from http.server import HTTPServer, BaseHTTPRequestHandler; HTTPServer(("0.0.0.0", 1), BaseHTTPRequestHandler)
"""


def functions_in(file: str) -> set[str]:
    folder = ROOT / "tests" if file.startswith("integration/") else ROOT / "tests" / "unit"
    tree = ast.parse((folder / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_promise_names_a_test_that_exists() -> None:
    missing = [f"{file}::{name}" for file, name in NAMED if name not in functions_in(file)]
    assert missing == []


def test_each_line_of_the_tables_is_a_promise_with_a_test() -> None:
    lines = [line for line in PAGE.partition("## Promises")[2].splitlines() if line.startswith("| ")]
    promises = [line for line in lines if not line.startswith(("| what", "| ---"))]
    assert len(promises) > 20
    assert [line for line in promises if "::test_" not in line] == []


def test_each_line_of_who_reaches_what_has_a_test_a_section_or_a_contract() -> None:
    table = PAGE.partition("## Who may reach what")[2].partition("## Promises")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(lines) > 8
    contracts = [contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]]
    for line in lines:
        elsewhere = re.findall(r"\*([A-Z][^*]+)\*", line.split("|")[-2])
        known = [name in contracts or f"**{name}**" in PAGE for name in elsewhere]
        assert "::test_" in line or (known and all(known)), line


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The security rule of `make check` that each line of `FORBIDDEN` breaks, as if in a file of the package."""
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "-"]
    name = ["--stdin-filename", str(ROOT / "platform" / "ftlab" / "forbidden.py")]
    done = subprocess.run([*command, *name], input=FORBIDDEN, cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.findall(r"forbidden\.py:(\d+):\d+: (S\d+|TID251)", done.stdout)
    return {int(line): code for line, code in found}


@pytest.mark.parametrize("line", range(2, FORBIDDEN.count("\n") + 1))
def test_ruff_refuses(line: int, complaints: dict[int, str]) -> None:
    assert line in complaints, FORBIDDEN.splitlines()[line - 1]


def test_every_exception_from_the_rules_is_counted() -> None:
    # A new one is a decision: what is deserialised or run there, and who may write it.
    found = {
        f"{path.relative_to(ROOT)} {code}"
        for path in SOURCES
        for code in re.findall(r"# noqa: .*?(S\d+|TID251)", path.read_text())
    }
    assert found <= ALLOWED, found - ALLOWED


ALLOWED = {
    "docker/bin/healthcheck.py S310",
    "platform/ftlab/cli/serve_command.py S603",
    "platform/ftlab/config/yaml_text.py S506",
    "platform/ftlab/data/cache/image_dataset.py TID251",
    "platform/ftlab/data/sets/torchvision_sets.py TID251",
    "platform/ftlab/training/plain_tensors.py TID251",
    "platform/ftlab/ranks/process_group.py TID251",
    "platform/ftlab/ranks/launch.py S603",
    "platform/ftlab/ranks/rank_process.py S301",
    "platform/ftlab/ranks/rank_process.py TID251",
    "platform/ftlab/workers/cluster_query.py S105",
    "platform/ftlab/workers/cluster_query.py S603",
    "platform/ftlab/workers/ray_folder.py S108",
    "platform/ftlab/estimate/calibration/measure.py S603",
    "platform/ftlab/machine/memory.py S603",
    "platform/ftlab/machine/facts.py S603",
    "platform/ftlab/machine/facts.py S607",
    "platform/ftlab/search/results.py S101",
    ".ci/audit.py S603",
}
