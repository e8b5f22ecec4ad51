"""The gallery: each shipped experiment with its file and what came out."""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_text import code, page

from ftlab.config.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
RESULTS = ROOT / "docs" / "results"


def gallery_text() -> str:
    """Return the page of experiments."""
    parts = [
        "Each experiment of `experiments/` with the file that made it, on digits: minutes on two cores. Copy a file, "
        "change what varies, and [sweep it](tutorials/own_experiment.md). Tables and what they say: "
        "[digits](results/digits.md), [methods](results/methods.md).",
    ]
    tables = dict(_tables())
    for name, question in questions().items():
        parts += [f"## {question}", *_experiment(name, tables.get(name))]
    return page("Gallery", *parts)


def questions() -> dict[str, str]:
    """Return the question of each shipped experiment and search by its name, those with a table first."""
    files = [EXPERIMENTS / f"{name}.yaml" for name in dict(_tables())]
    files += [path for path in sorted(EXPERIMENTS.glob("*.yaml")) if path not in files]
    return {path.stem: read_yaml(path).content["question"] for path in files}


def _tables() -> Iterator[tuple[str, str]]:
    """Yield each experiment that has a table with the place of that: a page and a heading."""
    for path in (RESULTS / "digits.md", RESULTS / "methods.md"):
        for heading, name in re.findall(r"^## (.+\(`(\w+)`\))$", path.read_text("utf-8"), re.MULTILINE):
            words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            yield name, f"results/{path.name}#{words}"


def _experiment(name: str, table: str | None) -> Iterator[str]:
    path = EXPERIMENTS / f"{name}.yaml"
    command = f"make {'search' if 'space:' in path.read_text('utf-8') else 'sweep'} EXP={name}"
    yield f"{code(command)}{f' · [its table]({table})' if table else ''}"
    figure = RESULTS / "figures" / f"{name}.png"
    if figure.is_file():
        yield f"![What came out of {name}](results/figures/{figure.name})"
    yield f"```{{literalinclude}} ../experiments/{path.name}\n:language: yaml\n:caption: experiments/{path.name}\n```"
