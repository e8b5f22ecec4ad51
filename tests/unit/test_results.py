"""The experiments' headers and the README say what the committed tables of results say."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from gallery_page import PAGES, scale_of

from ftlab.study.spec import load_study

ROOT = Path(__file__).parents[2]


def sections_of(page: str) -> dict[str, str]:
    """Return the sections of a page of results by the experiment whose table they show."""
    text = (ROOT / f"docs/results/{page}.md").read_text("utf-8")
    found = ((re.findall(r"\(`(\w+)`\)$", part.partition("\n")[0]), part) for part in text.split("\n## ")[1:])
    return {names[0]: part for names, part in found if names}


# By experiment and profile.
SECTIONS = {(name, profile): part for page, profile in PAGES.items() for name, part in sections_of(page).items()}
# An experiment's header tells of the first page that has it.
HOMES = {name: (name, profile) for name, profile in reversed(SECTIONS)}
FLOORS = ("chance", "raw pixels", "random initialisation")


class Row(NamedTuple):
    """A row of a table: its labels, number of seeds and mean."""

    labels: tuple[str, ...]
    n: str
    mean: float


def rows_of(section: str) -> list[Row]:
    """Read a section's first table: labels before the column ``n`` and the mean behind it, or a mean in each cell."""
    table = next(block for block in section.split("\n\n") if block.startswith("|"))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    if "n" not in lines[0]:
        [n] = re.findall(r"^Mean over (?:\d+ to )?(\d+) (?:healthy )?seeds", section, re.MULTILINE)
        points = [((cells[0], name), text) for cells in lines[2:] for name, text in zip(lines[0], cells, strict=True)]
        return [Row(labels, n, mean_in(text)) for labels, text in points if text and labels[1] != lines[0][0]]
    place = lines[0].index("n")
    return [Row(tuple(cells[:place]), cells[place], mean_in(cells[place + 1])) for cells in lines[2:]]


def mean_in(text: str) -> float:
    """Return the mean that stands first in a cell, without its marks."""
    return float(re.sub(r"[^\d.]", "", text.partition("[")[0]))


def header_of(name: str, label: str) -> str:
    """Return a line of an experiment's header, with the lines that continue it."""
    text = (ROOT / f"experiments/{name}.yaml").read_text("utf-8")
    found = re.search(rf"^# {label}: +(.*(?:\n# {{4,}}.*)*)", text, re.MULTILINE)
    assert found is not None, f"{name}.yaml has no line {label}"
    return found[1]


def test_every_shipped_experiment_has_a_table() -> None:
    shipped = yaml.safe_load(Path(__file__).with_name("shipped.yaml").read_text())
    assert sorted(HOMES) == sorted(shipped["experiments"])


@pytest.mark.parametrize(("name", "profile"), SECTIONS)
def test_a_table_has_the_rows_of_its_experiment(name: str, profile: str) -> None:
    study, section = load_study(name, profile), SECTIONS[name, profile]
    asked = re.search(r"`make sweep .*\bSEEDS=(\d+)", section)
    rows = rows_of(section)
    trained = [row for row in rows if row.labels[0] not in FLOORS]
    assert len(trained) == len(study.cells)
    healthy = {int(row.n) for row in trained}
    assert max(healthy) == (int(asked[1]) if asked else len(study.seeds))
    assert len(healthy) == 1 or "† Collapsed, not in the mean" in section
    assert all(floor in section for floor in FLOORS)
    assert tuple(row.labels[0] for row in rows[len(trained) :]) in (FLOORS, ())
    assert study.question in section


@pytest.mark.parametrize("name", HOMES)
def test_a_header_s_command_makes_its_table(name: str) -> None:
    assert header_of(name, "Command") == f"make sweep EXP={name}{scale_of(HOMES[name][1])}"


@pytest.mark.parametrize("name", HOMES)
def test_a_header_counts_the_trials_of_its_table(name: str) -> None:
    study = load_study(*HOMES[name])
    counts = [int(count) for count in re.findall(r"(\d+)(?: trials| more)", header_of(name, "Time"))]
    assert sum(counts) == len(study.cells) * len(study.seeds)


@pytest.mark.parametrize("name", HOMES)
def test_what_a_header_observed_is_in_the_table(name: str) -> None:
    means = [row.mean for row in rows_of(SECTIONS[HOMES[name]])]
    told = re.findall(r"(\d+)(?:\.(\d+))?%", header_of(name, "Observed"))
    assert told
    for whole, decimals in told:
        value = float(f"{whole}.{decimals or 0}")
        half = 0.5 * 10.0 ** -len(decimals) + 1e-9
        assert any(abs(mean - value) <= half for mean in means), f"{value}% is no mean of the table of {name}"


def test_the_table_of_the_readme_is_the_one_of_the_results() -> None:
    table = "\n".join(line for line in SECTIONS["momentum", "digits"].splitlines() if line.startswith("|"))
    assert f"\n{table}\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs/results/tables").glob("*/*/table.csv")), ids=lambda path: "-".join(path.parts[-3:-1])
)
def test_a_table_has_the_numbers_of_its_csv(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        means = [f"{float(row['mean']):.1f}" for row in csv.DictReader(file) if row["is_floor"] == "no" and row["mean"]]
    shown = [
        f"{row.mean:.1f}" for row in rows_of(SECTIONS[path.parts[-3], path.parts[-2]]) if row.labels[0] not in FLOORS
    ]
    assert sorted(means) == sorted(shown)


def test_the_table_over_tasks_has_the_numbers_of_its_csv() -> None:
    with (ROOT / "docs/results/tables/transfer/digits/transfer.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    (table,) = (block for block in SECTIONS["transfer", "digits"].split("\n\n") if tasks[0] in block and "|" in block)
    header, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    shown = {(line[0], task): line[header.index(task)].split(" ")[0] for line in lines for task in tasks}
    assert shown == {(row["cell"], row["task"]): f"{float(row['mean']):.1f}" for row in rows}
