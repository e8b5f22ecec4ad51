"""What the pages tell a user to type works, page by page, in a new checkout.

There a cell has one seed, and a training two epochs, where the page says nothing else. A block of ``sh`` or ``python``
runs, one of ``yaml NAME`` becomes a file; ``elsewhere`` marks what needs another machine.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{path.relative_to(ROOT / 'docs')}" for path in sorted(ROOT.glob("docs/*/*.md")))]
# Those whose blocks run; the blocks of others must be of a language that is checked.
RUN = ("README.md", "docs/start/", "docs/tutorials/", "docs/how_to/features.md", "docs/how_to/others_weights.md")
# What README and Start say beside sweeps: nobody runs all tests within a test.
LEFT_OUT = ("make setup", "make test ")


class Block(NamedTuple):
    """A block of code: its language, the words behind it, and its text."""

    language: str
    words: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the blocks of a page, in order."""
    text = (ROOT / page).read_text("utf-8")
    for language, words, content in re.findall(r"^```(\w+)([^\n{]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Block(language, words.strip(), content)


def with_blocks(runs: bool) -> list[str]:
    """Return the pages that have blocks which run, or which are only checked."""
    return [
        page
        for page in PAGES
        for blocks in [list(blocks_of(page))]
        if any(block.language in ("sh", "python") and (block.words != "elsewhere") == runs for block in blocks)
        if page.startswith(RUN) or not runs
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose default profile trains two epochs; it has no environment of its own."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    ours = ("Makefile", "experiments", "platform", "pyproject.toml", "requirements.lock")
    subprocess.run(["cp", "-r", *(ROOT / name for name in ours), folder], check=True)
    profile = folder / "experiments" / "profiles" / "digits.yaml"
    text = profile.read_text("utf-8")
    assert "epochs: 100," in text
    profile.write_text(text.replace("epochs: 100,", "epochs: 2,"), "utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("page", with_blocks(runs=True))
def test_the_commands_of_a_page_run(page: str, checkout: Path) -> None:
    quiet, programs = (
        {"FTLAB_HOME", "FTLAB_EXPERIMENTS", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"},
        Path(sys.prefix) / "bin",
    )
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    environment |= {
        # The environment is that of the tests: nothing is installed into it.
        "MAKEFLAGS": f" -- STAMP= UV=false BIN={programs}",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{checkout / 'platform'}:{os.environ.get('PYTHONPATH', '')}",
        "MPLBACKEND": "agg",
        "SEEDS": "1",
    }

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"

    for language, words, text in blocks_of(page):
        if language == "yaml" and words:
            (checkout / words).write_text(text, "utf-8")
        elif words != "elsewhere" and language == "python":
            run(sys.executable, "-c", text)
        elif words != "elsewhere" and language == "sh":
            lines = [line for line in text.splitlines() if not f"{line} ".startswith(LEFT_OUT)]
            run("bash", "-euo", "pipefail", "-c", "\n".join(lines))


@pytest.mark.parametrize("page", with_blocks(runs=False))
def test_what_is_not_run_can_be_read(page: str) -> None:
    for language, words, text in blocks_of(page):
        if language == "sh":
            # What stands in angle brackets is for the reader to fill in.
            filled = re.sub(r"<[\w ]+>", "NAME", text)
            done = subprocess.run(["bash", "-n", "-c", filled], capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, ""), text
        elif language == "python" and page != "docs/tutorials/own_parts.md":  # excerpts, compared with their source
            compile(text, page, "exec")
        elif language == "yaml" and not words:
            for line in text.splitlines():
                yaml.safe_load(line)


def test_every_block_names_its_language() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        blocks = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        assert [block for language, block in blocks if not language and page.startswith(RUN)] == [], page
