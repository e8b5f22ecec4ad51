"""Experiments, profiles, searches and overrides are data, and bounded."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.config.loading import experiments_folder, load_experiment, load_profile, load_search, parse_overrides
from ftlab.config.yaml_text import MAX_BYTES, MAX_DEPTH, parse_yaml
from ftlab.errors import ConfigError
from ftlab.study.spec import load_study

WriteExperiment = Callable[..., None]
LOADERS = {"": (load_experiment, load_search), "profiles": (load_profile,)}


def alias_bomb(levels: int = 12) -> str:
    """Return a kilobyte of YAML that stands for 10 ** levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("folder", LOADERS)
def test_yaml_runs_no_code(folder: str, write_experiment: WriteExperiment, tmp_path: Path) -> None:
    text = f"question: !!python/object/apply:os.mkdir ['{tmp_path / 'owned'}']\n"
    (experiments_folder() / folder / "evil.yaml").write_text(text)
    for load in LOADERS[folder]:
        with pytest.raises(ConfigError, match=r"evil\.yaml:1 must be YAML: could not determine a constructor"):
            load("evil")
    with pytest.raises(ConfigError, match="must be YAML"):
        parse_overrides([f"model.head={text.partition(': ')[2].strip()}"])
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (alias_bomb(), r"at most 100,000 values are read, but its aliases stand for more"),
        ("a: &a [*a]", r"at most 100,000 values are read, but its aliases stand for more"),
        ("[" * 100_000, r"at most 32 levels are read, but it is nested deeper"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(100)), r"at most 32 levels are read"),
        ("a" * (MAX_BYTES + 1), r"must have at most 1,048,576 characters"),
        ("9" * 5000, r"must be YAML: a number must have at most 100 characters, but has 5,000"),
        ("0x" + "f" * 5000, r"must be YAML: a number must have at most 100 characters, but has 5,002"),
    ],
    ids=["aliases", "recursion", "flow", "blocks", "length", "digits", "hexadecimal digits"],
)
def test_yaml_is_bounded(text: str, message: str, write_experiment: WriteExperiment) -> None:
    started = time.process_time()  # not of the clock: others may keep the cores busy
    with pytest.raises(ConfigError, match=message):
        parse_yaml(text, "it")
    (experiments_folder() / "bomb.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_experiment("bomb")
    assert time.process_time() - started < 2.0


def test_anchors_of_a_sane_size_are_read() -> None:
    text = "base: &base {a: [1, 2]}\nmore: [*base, *base]\nmerged: {<<: *base, b: 2}"
    assert parse_yaml(text, "it")["merged"] == {"a": [1, 2], "b": 2}
    assert parse_yaml(f"{'[' * MAX_DEPTH}{']' * MAX_DEPTH}", "it")


def test_a_file_that_is_no_text_is_named(write_experiment: WriteExperiment) -> None:
    (experiments_folder() / "binary.yaml").write_bytes(b"question: \xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.yaml must be a file of UTF-8 text"):
        load_experiment("binary")


def test_a_grid_that_would_fill_the_memory_is_refused(write_experiment: WriteExperiment) -> None:
    axes = ("method.key_momentum", "method.temperature", "transform.alpha_extrapolation", "transform.start")
    write_experiment("wide", grid={axis: [0.001 * n for n in range(100)] for axis in axes})
    with pytest.raises(ConfigError, match=r"at most 10,000 cells, but its grid makes 100,000,000"):
        load_study("wide", "tiny")


def test_more_seeds_than_memory_holds_are_refused(write_experiment: WriteExperiment) -> None:
    write_experiment("many", seeds=10**12, cells=[{"name": "a"}])
    with pytest.raises(ConfigError, match=r"seeds: Input should be less than or equal to 10000"):
        load_experiment("many")
    write_experiment("few", cells=[{"name": "a"}])
    with pytest.raises(ConfigError, match=r"at least 1 and at most 10,000, but got 1000000000"):
        load_study("few", "tiny", num_seeds=10**9)
    with pytest.raises(ConfigError, match=r"train.epochs: .*less than or equal to 100000"):
        load_study("few", "tiny", overrides={"train.epochs": 10**15})
    # The nearest valid number of groups was looked for one by one.
    huge = dict.fromkeys(("train.batch_size", "model.bn_groups", "method.queue_size"), 10**15)
    with pytest.raises(ConfigError, match=r"train.batch_size: .*less than or equal to 1000000"):
        load_study("few", "tiny", overrides=huge)
