"""The files of experiments/: what is shipped works at every profile and tells a reader enough; a user's own works."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ftlab.cli.config_command import schema
from ftlab.config.experiment import chosen_metrics
from ftlab.config.loading import load_experiment, load_profile
from ftlab.config.yaml_text import read_yaml
from ftlab.errors import ConfigError
from ftlab.reporting.table.baselines import baseline_names
from ftlab.reporting.table.published import load_published
from ftlab.search.scope import load_search_spec
from ftlab.study.spec import METRICS, axis_values, load_study, single_trial_study

FOLDER = Path(__file__).parents[2] / "experiments"
SHIPPED = yaml.safe_load(Path(__file__).with_name("shipped.yaml").read_text())
EXPERIMENTS, SEARCHES, PROFILES = SHIPPED["experiments"], SHIPPED["searches"], SHIPPED["profiles"]
RESOLVED = [(name, profile) for name in EXPERIMENTS for profile in SHIPPED["only_at"].get(name, PROFILES)]
REFUSED = [(name, profile) for name in EXPERIMENTS for profile in PROFILES if (name, profile) not in RESOLVED]
SHIPPED_FILES = [
    *(f"{name}.yaml" for name in (*EXPERIMENTS, *SEARCHES)),
    *(f"profiles/{name}.yaml" for name in PROFILES),
]
HEADER = ("Question", "Command", "Time", "Observed")


def own_files(folder: Path) -> list[Path]:
    """Return the files that a user has added to a folder of experiments."""
    files = sorted([*folder.glob("*.yaml"), *folder.glob("profiles/*.yaml")])
    return [path for path in files if path.relative_to(folder).as_posix() not in SHIPPED_FILES]


def check_own_file(path: Path) -> None:
    """Raise what the user would see, unless a profile makes a trial, an experiment or search works at some profile."""
    if path.parent.name == "profiles":
        single_trial_study(path.stem, load_profile(path.stem), 0, {})
        return
    load: Callable[[str, str], object] = load_search_spec if "space" in (read_yaml(path).content or ()) else load_study
    refusals = []
    for profile in sorted(path.parent.glob("profiles/*.yaml"), key=lambda profile: profile.stem != "digits"):
        try:
            load(path.stem, profile.stem)
        except ConfigError as refusal:
            refusals.append(refusal)
        else:
            return
    raise refusals[0]


def test_a_users_own_files_are_checked_for_what_they_are() -> None:
    for path in own_files(FOLDER):
        check_own_file(path)


def test_a_users_own_files_need_nothing_that_shipped_ones_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "experiments")
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(folder))
    for path in own_files(folder):  # of a developer
        path.unlink()
    own = {
        "mine.yaml": {"question": "Mine", "grid": {"model.stem": ["cifar", "imagenet"]}},
        "my_search.yaml": {"question": "Mine", "space": {"train.epochs": {"kind": "int", "low": 1, "high": 3}}},
        "profiles/mine.yaml": {
            "description": "Mine",
            "metric": "knn/top1",
            "protocol": "mine",
            "trial": {"model": {"backbone": "resnet18"}},
        },
    }
    for name, content in own.items():
        (folder / name).write_text(yaml.safe_dump(content))
    assert [path.relative_to(folder).as_posix() for path in own_files(folder)] == sorted(own)
    for path in own_files(folder):
        check_own_file(path)
    (folder / "mine.yaml").write_text("question: Mine\ngrid: {train.epoch: [1, 2]}\n")
    with pytest.raises(ConfigError, match=r"a setting must be known, but got 'train.epoch'"):
        check_own_file(folder / "mine.yaml")


@pytest.mark.parametrize(("experiment", "profile"), REFUSED)
def test_an_experiment_on_the_small_cnn_alone_is_refused_elsewhere(experiment: str, profile: str) -> None:
    with pytest.raises(ConfigError, match=r"must (have|be an axis with) an effect, but 'model\.\w+' has none"):
        load_study(experiment, profile)


@pytest.mark.parametrize(("experiment", "profile"), RESOLVED)
def test_every_experiment_resolves_at_every_profile(experiment: str, profile: str) -> None:
    study = load_study(experiment, profile)
    assert study.metric in METRICS
    assert study.baseline is not None
    assert set(baseline_names(study.baseline)) <= {cell.name for cell in study.cells}
    assert len(study.seeds) >= 2


@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if load_experiment(name).published])
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
    if experiment in SEARCHES:
        assert header["Command"] == f"make search EXP={experiment}"
    placeholders = [value for value in header.values() if re.fullmatch("[A-Z_]+", value)]
    assert not placeholders


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_says_what_it_is(profile: str) -> None:
    content = load_profile(profile)
    assert set(chosen_metrics(content.metric, content.metrics)) <= set(METRICS)
    assert content.protocol.count(",") >= 2
    assert content.description


@pytest.mark.parametrize("name", SHIPPED_FILES)
def test_editors_find_the_schema_of_a_file(name: str) -> None:
    path = FOLDER / name
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
