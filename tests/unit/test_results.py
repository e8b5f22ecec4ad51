"""The experiments' headers and the README say what the committed tables of results say."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from ftlab.study.spec import load_study

ROOT = Path(__file__).parents[2]
RESULTS = (ROOT / "docs/results/digits.md").read_text("utf-8")
SECTIONS = {
    name: section
    for section in RESULTS.split("\n## ")[1:]
    for name in re.findall(r"\(`(\w+)`\)", section.partition("\n")[0])
}
# Experiments whose tables are committed; others that ship have none yet.
WITH_TABLES = ("components", "ft_start", "lambda_ex", "lambda_in", "momentum", "queue")
FLOORS = ("chance", "raw pixels", "random initialisation")


class Row(NamedTuple):
    """A row of a table: its labels, number of seeds and mean."""

    labels: tuple[str, ...]
    n: str
    mean: float


def rows_of(section: str) -> list[Row]:
    """Read the table of a section; labels stand before the column ``n``, the mean behind it."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    place = lines[0].index("n")
    means = [float(re.sub(r"[^\d.]", "", cells[place + 1])) for cells in lines[2:]]
    return [Row(tuple(cells[:place]), cells[place], mean) for cells, mean in zip(lines[2:], means, strict=True)]


def header_of(name: str, label: str) -> str:
    """Return a line of an experiment's header, with the lines that continue it."""
    text = (ROOT / f"experiments/{name}.yaml").read_text("utf-8")
    found = re.search(rf"^# {label}: +(.*(?:\n# {{4,}}.*)*)", text, re.MULTILINE)
    assert found is not None, f"{name}.yaml has no line {label}"
    return found[1]


def test_the_committed_tables_are_of_shipped_experiments() -> None:
    shipped = yaml.safe_load(Path(__file__).with_name("shipped.yaml").read_text())
    assert sorted(SECTIONS) == sorted(WITH_TABLES)
    assert set(WITH_TABLES) <= set(shipped["experiments"])


@pytest.mark.parametrize("name", SECTIONS)
def test_a_table_has_the_rows_of_its_experiment(name: str) -> None:
    study = load_study(name, "digits")
    rows = rows_of(SECTIONS[name])
    trained = [row for row in rows if row.labels[0] not in FLOORS]
    assert len(trained) == len(study.cells)
    assert {row.n for row in trained} == {str(len(study.seeds))}
    assert tuple(row.labels[0] for row in rows[len(trained) :]) == FLOORS
    assert study.question in SECTIONS[name]
    counts = [int(count) for count in re.findall(r"(\d+)(?: trials| more)", header_of(name, "Time"))]
    assert sum(counts) == len(study.cells) * len(study.seeds)


@pytest.mark.parametrize("name", SECTIONS)
def test_what_a_header_observed_is_in_the_table(name: str) -> None:
    means = [row.mean for row in rows_of(SECTIONS[name])]
    told = re.findall(r"(\d+)(?:\.(\d+))?%", header_of(name, "Observed"))
    assert told
    for whole, decimals in told:
        value = float(f"{whole}.{decimals or 0}")
        half = 0.5 * 10.0 ** -len(decimals) + 1e-9
        assert any(abs(mean - value) <= half for mean in means), f"{value}% is no mean of the table of {name}"


def test_the_table_of_the_readme_is_the_one_of_the_results() -> None:
    table = "\n".join(line for line in SECTIONS["momentum"].splitlines() if line.startswith("|"))
    assert f"\n{table}\n" in (ROOT / "README.md").read_text("utf-8")
