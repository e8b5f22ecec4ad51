"""Five hundred mutated experiments and profiles: each is a clear error, or the values that a YAML 1.2 reader gives."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ftlab.cli.command_line import main
from ftlab.config.loading import shipped_experiments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SEED = 20261127
TOKENS = (
    *(
        "yes",
        "off",
        "true",
        "null",
        "~",
        "010",
        "0x10",
        "0o17",
        "1e1",
        "1:40",
        "1_000",
        "-0.0",
        ".inf",
        ".nan",
        "2x",
        "''",
    ),
    *(
        "'5'",
        "9" * 400,
        "1e999",
        "[off]",
        "[1, [2]]",
        "{a: 1}",
        "{a: 1, a: 1}",
        "!!bool maybe",
        "!!timestamp foo",
        "!!set {a}",
    ),
    *(
        "!!python/name:os.system x",
        "!!int '7'",
        "&a 5",
        "*a",
        "*nowhere",
        "|",
        ">",
        "? x",
        "<<: {b: 1}",
        "%YAML 1.1",
        "---",
    ),
    *(
        "...",
        "#",
        "\t",
        "\x00",
        "\u202e",
        "é",
        "[",
        "]",
        "{",
        "}",
        ":",
        "- ",
        "'",
        '"',
        "@",
        "`",
        "2026-13-45",
        "-1",
        "1" * 90,
    ),
)


def mutate(text: str, chance: random.Random) -> str:
    """Return a text with one to three changes of the kinds that people and editors make."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(lines))
        line = lines[place]
        match chance.randrange(7):
            case 0:
                lines[place] = f"{line.partition(':')[0]}: {chance.choice(TOKENS)}"
            case 1:
                lines.insert(place, chance.choice(lines))
            case 2 if len(lines) > 1:
                del lines[place]
            case 3:
                lines[place] = f"{' ' * chance.randint(0, 4)}{line.strip()}"
            case 4:
                at = chance.randrange(len(line) + 1)
                lines[place] = f"{line[:at]}{chance.choice(TOKENS)}{line[at:]}"
            case 5 if line:
                at = chance.randrange(len(line))
                lines[place] = line[:at] + line[at + 1 :]
            case _:
                words = line.split(" ")
                words[chance.randrange(len(words))] = chance.choice(TOKENS)
                lines[place] = " ".join(words)
    return "\n".join(lines) + "\n"


def yaml_1_2(text: str) -> Any:
    """Return the content of a text by another reader."""
    return YAML(typ="safe", pure=True).load(text)


def settings_of(trial: Any) -> dict[str, Any]:
    return {f"{section}.{name}": value for section, content in trial.items() for name, value in content.items()}


def assert_as_read(printed: str, experiment: Any, profile: Any) -> None:
    """Check that every cell has the settings that are written for it."""
    cells = yaml_1_2(printed)["cells"]
    trial, of_methods = profile.get("trial") or {}, profile.get("methods") or {}
    own = (trial.get("method") or {}).get("name", "moco")
    named = {cell["name"]: cell.get("set") or {} for cell in experiment.get("cells") or []}
    grid = experiment.get("grid") or {}
    levels = [level for values in grid.values() if isinstance(values, dict) for level in values.values()]
    settled = {axis: values for axis, values in grid.items() if isinstance(values, list)}
    of_levels = {setting for level in levels for setting in level}
    for name, config in cells.items():
        found = settings_of({key: value for key, value in config.items() if isinstance(value, dict)})
        method = config["method"]["name"]
        scale = settings_of({key: value for key, value in trial.items() if key != "method" or method == own})
        everywhere = {**scale, **of_methods.get(method, {}), **(experiment.get("overrides") or {})}
        for setting, value in {**everywhere, **named.get(name, {})}.items():
            if setting not in {*grid, *of_levels} and not str(value).endswith("x") and setting in found:
                assert found[setting] == value, (name, setting)
                assert isinstance(found[setting], bool) == isinstance(value, bool)
        for setting in of_levels & set(found):
            values = [level[setting] for level in levels if setting in level]
            if name not in named and found[setting] not in values:
                # a level that leaves it alone
                assert any(setting not in level for level in levels), (name, setting)
        for axis, values in settled.items():
            if name not in named and not any(str(value).endswith("x") for value in values):
                assert found[axis] in values, (name, axis)


def mutants(number: int) -> list[tuple[str, str]]:
    """Return pairs of an experiment and a profile, one of them mutated."""
    chance = random.Random(SEED)  # noqa: S311
    folder = shipped_experiments()
    experiments = [path.read_text() for path in sorted(folder.glob("*.yaml")) if not path.stem.startswith("search")]
    profiles = [(folder / "profiles" / f"{name}.yaml").read_text() for name in ("tiny", "digits")]
    found = []
    for _ in range(number):
        experiment, profile = chance.choice(experiments), chance.choice(profiles)
        if chance.random() < 0.6:
            experiment = mutate(experiment, chance)
        else:
            profile = mutate(profile, chance)
        found.append((experiment, profile))
    return found


def write(folder: Path, experiment: str, profile: str) -> None:
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    (folder / "odd.yaml").write_text(experiment, encoding="utf-8")
    (folder / "profiles" / "odd.yaml").write_text(profile, encoding="utf-8")


def test_mutated_specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["ftlab", "config", "odd", "--profile", "odd", "--seeds", "1"])
    accepted = 0
    for number, (experiment, profile) in enumerate(mutants(500)):
        write(tmp_path, experiment, profile)
        started = time.monotonic()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert time.monotonic() - started < 5.0, number
        if ended.value.code in (0, None):
            accepted += 1
            try:
                read = yaml_1_2(experiment), yaml_1_2(profile)
            except YAMLError as error:
                raise AssertionError(f"{number}: another reader refuses it: {error}") from error
            assert_as_read(told.out, *read)
        else:
            assert ended.value.code == 1, number
            assert told.err.startswith("error: "), number
            assert "Traceback" not in told.err, number
            assert len(told.err) < 10_000, number
    assert 50 < accepted < 450


def test_twenty_of_them_as_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(tmp_path))
    command = [sys.executable, "-m", "ftlab", "config", "odd", "--profile", "odd", "--seeds", "1"]
    for number, (experiment, profile) in enumerate(mutants(20)):
        write(tmp_path, experiment, profile)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), number
        assert "Traceback" not in done.stderr, number
