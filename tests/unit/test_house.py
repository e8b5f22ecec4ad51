"""The house: rules on the content of the repository's folders and files."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
PACKAGE = ROOT / "platform" / "ftlab"
LOCK = (ROOT / "requirements.lock").read_text()

MODULES = [
    path
    for package in ("platform/ftlab", "dashboards/explorer")
    for path in (ROOT / package).rglob("*.py")
    if not path.name.startswith("__")
]


def test_no_top_level_folder_is_a_package() -> None:
    # An __init__.py in platform/ shadows the standard library's platform for everything that runs from the root.
    assert "platform" in [folder.name for folder in TOP_LEVEL]
    assert [folder.name for folder in TOP_LEVEL if (folder / "__init__.py").exists()] == []


def test_the_standard_library_keeps_its_platform() -> None:
    script = "import platform; print(platform.python_version())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.version.split()[0]


def test_the_lock_names_no_index_and_no_host() -> None:
    assert "://" not in LOCK
    assert not re.search(r"--(extra-|no-)?index|--find-links|--trusted-host|^-[if] ", LOCK, re.MULTILINE)


def test_every_package_of_the_lock_has_a_version_and_hashes() -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", LOCK, flags=re.MULTILINE).strip())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert len(packages) > 50
    for entry in packages:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_nothing_is_left_to_be_implemented() -> None:
    sources = list((ROOT / "platform").rglob("*.py"))
    assert len(sources) > 40
    assert [path.name for path in sources if "NotImplementedError" in path.read_text()] == []


def docstrings(path: Path) -> list[str]:
    """Return the docstrings of a file: of its module, classes and functions."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented))
    return [text for node in nodes if (text := ast.get_docstring(node))]


def test_docstrings_say_what_things_do_without_riddles() -> None:
    # A sentence that begins with one of these is a noun clause without a verb of its own.
    riddle = re.compile(r"(What|Which|Whether|Where|How)\b")
    files = [path for folder in ("platform/ftlab", "dashboards/explorer") for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): docstrings(path) for path in files}
    assert sum(map(len, found.values())) > 1000
    assert [f"{name}: {text}" for name, texts in found.items() for text in texts if riddle.match(text)] == []


def test_every_snapshot_is_compared_with_something() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "unit").rglob("test_*.py"))
    names = [path.stem for path in (ROOT / "tests" / "unit" / "snapshots").iterdir()]
    assert len(names) >= 4
    assert [name for name in names if f'match_snapshot("{name}"' not in tests] == []


@pytest.mark.parametrize("browser", ["chromium", "google-chrome", "elsewhere", None])
def test_integration_drives_a_browser_where_there_is_one(browser: str | None, tmp_path: Path) -> None:
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    for program in ("make", *([browser] if browser else [])):
        (tmp_path / program).write_text('#!/bin/sh\necho "$@"\n')
        (tmp_path / program).chmod(0o755)
    named = {"CHROMIUM": str(tmp_path / "elsewhere")} if browser == "elsewhere" else {}
    done = subprocess.run([ROOT / ".ci" / "run"], env={"PATH": str(tmp_path), **named}, capture_output=True, text=True)
    *targets, last = done.stdout.splitlines()
    assert (done.returncode, targets) == (0, ["check", "test"])
    assert last == "test-browser" if browser else last.startswith("make test-browser is left out: no chromium")


def imported_by(*modules: str) -> set[str]:
    script = f"import {', '.join(modules)}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.slow
def test_the_science_imports_without_the_machinery() -> None:
    package = ROOT / "platform" / "ftlab"
    modules = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for folder in ("contrast", "data", "encoders", "methods", "ranks", "storage", "training")
        for path in sorted((package / folder).rglob("[a-z]*.py"))
    ]
    assert len(modules) > 20
    assert not imported_by(*modules) & {"ray", "mlflow", "pydantic", "pandas", "pyarrow"}


@pytest.mark.slow
def test_a_trial_is_trained_and_recorded_without_the_machinery() -> None:
    # On a node of a cluster there may be torch and what it brings, and nothing else.
    modules = (
        "running.recorder",
        "running.here",
        "running.trial_run",
        "study.spec",
        "tracking.writer",
        "tracking.journal",
    )
    assert not imported_by(*(f"ftlab.{module}" for module in modules)) & {
        "ray",
        "mlflow",
        "optuna",
        "pandas",
        "pyarrow",
        "scipy",
        "statsmodels",
        "matplotlib",
        "plotly",
        "rich",
        "typer",
    }


def test_the_command_line_imports_without_the_heavy_packages() -> None:
    commands = [f"ftlab.cli.{path.stem}" for path in (PACKAGE / "cli").glob("*_command.py")]
    assert not imported_by("ftlab.cli.command_line", *commands, "ftlab.data.cache.decode_once") & {
        "torch",
        "ray",
        "mlflow",
        "matplotlib",
        "prometheus_client",
    }


def test_the_map_shows_the_rooms_as_the_import_contract_has_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["name"] == "Imports point down the rooms")
    picture = (ROOT / "docs" / "explanation" / "architecture.md").read_text().split("```")[1]
    drawn = [re.split(r"\s{2,}", line)[0].strip() for line in picture.strip().splitlines() if not line.startswith(" ")]
    assert drawn == layers


@pytest.mark.parametrize("page", ["docs/explanation/architecture.md", "CONTRIBUTING.md"])
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(r"`([a-z_]+/[\w/]+\.py)`", (ROOT / page).read_text())
    assert len(named) > 5
    assert [name for name in named if not any((folder / name).is_file() for folder in (ROOT, PACKAGE))] == []


def test_no_room_is_overfull() -> None:
    sizes = Counter(str(path.parent.relative_to(ROOT)) for path in MODULES)
    assert len(sizes) > 30
    assert {room: size for room, size in sizes.items() if size > 15} == {}


def test_no_file_name_occurs_twice() -> None:
    names = Counter(path.name for path in MODULES)
    assert [name for name, times in names.items() if times > 1] == []


def text_without_an_encoding(path: Path) -> list[int]:
    """Return the lines of calls that read or write text in the encoding of the surroundings."""
    lines = []
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        modes = [arg.value for arg in (*call.args, *words.values()) if isinstance(arg, ast.Constant)]
        binary = any(isinstance(mode, str) and re.fullmatch(r"[rwxa+]*b[rwxa+]*", mode) for mode in modes)
        on_files = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") in {
            "os",
            "Image",
            "tarfile",
        }
        text = {
            "read_text": not call.args,
            "write_text": len(call.args) < 2,
            "open": not binary and not on_files,
            "fdopen": not binary,
            "reconfigure": False,
        }.get(name, getattr(words.get("text"), "value", None) is True and "mode" not in words)
        if text and "encoding" not in words:
            lines.append(call.lineno)
    return lines


def test_every_text_has_a_named_encoding() -> None:
    sources = [path for folder in ("platform", "dashboards", ".ci", "docker") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 200
    found = {path.relative_to(ROOT).as_posix(): text_without_an_encoding(path) for path in sources}
    assert {name: lines for name, lines in found.items() if lines} == {}
