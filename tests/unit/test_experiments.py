"""The files of experiments/: every one loads, resolves at every profile, and says what a reader needs."""

import json
import re
from pathlib import Path

import pytest

from ftlab.cli import schema
from ftlab.config.loading import load_experiment, load_profile
from ftlab.reporting.published import load_published
from ftlab.tuning.spec import METRICS, axis_values, load_study

FOLDER = Path(__file__).parents[2] / "experiments"
SEARCHES = sorted(path.stem for path in FOLDER.glob("*.yaml") if "\nspace:" in path.read_text())
EXPERIMENTS = sorted({path.stem for path in FOLDER.glob("*.yaml")}.difference(SEARCHES))
PROFILES = sorted(path.stem for path in (FOLDER / "profiles").glob("*.yaml"))
HEADER = ("Question", "Command", "Time", "Observed")


def test_the_experiments_of_the_paper_are_there() -> None:
    assert {"components", "ft_start", "lambda_ex", "lambda_in", "momentum", "queue"} <= set(EXPERIMENTS)
    assert {"search_ft", "search_ft_cost"} <= set(SEARCHES)
    assert {"cifar10", "digits", "imagenet100", "imagenet1k", "stl10", "tiny"} <= set(PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_resolves_at_every_profile(experiment: str, profile: str) -> None:
    study = load_study(experiment, profile)
    assert study.metric in METRICS
    assert study.baseline in [cell.name for cell in study.cells]
    assert len(study.seeds) >= 2


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_published_series_knows_a_cell(experiment: str) -> None:
    published = load_experiment(experiment).published
    assert published is not None
    series = load_published(FOLDER / "published" / f"{published.table}.csv", published.series)
    study = load_study(experiment, "digits")
    found = [series.lookup(axis_values(study, cell), cell.name) for cell in study.cells]
    assert sum(value is not None for value in found) >= 2


@pytest.mark.parametrize("experiment", [*EXPERIMENTS, *SEARCHES])
def test_the_header_says_what_a_reader_needs(experiment: str) -> None:
    text = (FOLDER / f"{experiment}.yaml").read_text()
    header = dict(re.findall(r"^# (\w+): +(\S.*)$", text, re.MULTILINE))
    assert set(HEADER) <= set(header)
    assert header["Question"].endswith("?")
    verb = "search" if experiment in SEARCHES else "sweep"
    assert header["Command"] == f"make {verb} EXP={experiment}"
    placeholders = [value for value in header.values() if re.fullmatch("[A-Z_]+", value)]
    assert not placeholders


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_says_what_it_is(profile: str) -> None:
    content = load_profile(profile)
    assert content.metric in METRICS
    assert content.protocol.count(",") >= 2
    assert content.description


@pytest.mark.parametrize("path", [*FOLDER.glob("*.yaml"), *FOLDER.glob("profiles/*.yaml")], ids=lambda path: path.stem)
def test_editors_find_the_schema_of_a_file(path: Path) -> None:
    first_line = path.read_text().splitlines()[0]
    schema_path = path.parent / first_line.removeprefix("# yaml-language-server: $schema=")
    kind = "profile" if path.parent.name == "profiles" else "search" if path.stem in SEARCHES else "experiment"
    assert schema_path.resolve() == FOLDER / "schema" / f"{kind}.json"
    assert "properties" in json.loads(schema_path.read_text())


def test_the_schemas_are_those_of_the_code(tmp_path: Path) -> None:
    schema(tmp_path)
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == ["experiment.json", "profile.json", "search.json"]
    for path in written:
        assert path.read_text() == (FOLDER / "schema" / path.name).read_text(), "run: make schema"
