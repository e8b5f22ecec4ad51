"""The gallery: each shipped experiment with its file and what came out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_text import code, page

from ftlab.config.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
RESULTS = ROOT / "docs" / "results"
# The profile of each page of results; an experiment belongs to the first page that has it.
PAGES = {"digits": "digits", "methods": "digits", "photographs": "photos"}


class Place(NamedTuple):
    """Where the table of an experiment stands: a page of results, and a heading as an address spells it."""

    page: str
    heading: str


def scale_of(profile: str) -> str:
    """Return what a command says of its profile."""
    return "" if profile == "digits" else f" PROFILE={profile}"


def gallery_text() -> str:
    """Return the page of experiments."""
    parts = [
        "Each experiment of `experiments/` with the file that made it: on digits, minutes on two cores, or on "
        "photographs, an evening. Copy a file, change what varies, and [sweep it](tutorials/own_experiment.md). "
        "Tables and what they say: [digits](results/digits.md), [methods](results/methods.md), "
        "[photographs](results/photographs.md).",
    ]
    tables = _tables()
    for name, question in questions().items():
        parts += [f"## {question}", *_experiment(name, tables.get(name))]
    return page("Gallery", *parts)


def questions() -> dict[str, str]:
    """Return the question of each shipped experiment and search by its name, those with a table first."""
    files = [EXPERIMENTS / f"{name}.yaml" for name in _tables()]
    files += [path for path in sorted(EXPERIMENTS.glob("*.yaml")) if path not in files]
    return {path.stem: read_yaml(path).content["question"] for path in files}


def _tables() -> dict[str, Place]:
    """Return the place of the table of each experiment that has one."""
    found: dict[str, Place] = {}
    for of_results in PAGES:
        text = (RESULTS / f"{of_results}.md").read_text("utf-8")
        for heading, name in re.findall(r"^## (.+\(`(\w+)`\))$", text, re.MULTILINE):
            words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            found.setdefault(name, Place(of_results, words))
    return found


def _experiment(name: str, table: Place | None) -> Iterator[str]:
    path = EXPERIMENTS / f"{name}.yaml"
    command = f"make {'search' if 'space:' in path.read_text('utf-8') else 'sweep'} EXP={name}"
    if table is None:
        yield code(command)
    else:
        yield f"{code(command + scale_of(PAGES[table.page]))} · [its table](results/{table.page}.md#{table.heading})"
    figure = RESULTS / "figures" / f"{name}.png"
    if figure.is_file():
        yield f"![What came out of {name}](results/figures/{figure.name})"
    yield f"```{{literalinclude}} ../experiments/{path.name}\n:language: yaml\n:caption: experiments/{path.name}\n```"
