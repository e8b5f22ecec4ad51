import os
import re
import subprocess
from pathlib import Path

import pytest

from ftlab.machine.facts import PACKAGES, collect_provenance, usable_cores


def test_a_trial_is_tagged_with_commit_hardware_and_versions() -> None:
    facts = collect_provenance()
    assert re.fullmatch("[0-9a-f]{40}|unknown", facts["git.commit"])
    assert facts["git.dirty"] in ("true", "false", "unknown")
    assert facts["hardware.cores"] == str(usable_cores())
    assert facts["hardware.cpu"]
    assert {f"version.{package}" for package in PACKAGES} <= set(facts)
    assert re.match(r"\d+\.\d+", facts["version.torch"])
    assert all(isinstance(value, str) for value in facts.values())


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("FTLAB_COMMIT", raising=False)
    facts = collect_provenance.__wrapped__()
    assert (facts["git.commit"], facts["git.dirty"]) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("baked", "commit", "dirty"), [("a" * 40, "a" * 40, "false"), ("a" * 40 + "-dirty", "a" * 40, "true")]
)
def test_an_image_says_itself_which_commit_it_holds(
    monkeypatch: pytest.MonkeyPatch, baked: str, commit: str, dirty: str
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("FTLAB_COMMIT", baked)
    facts = collect_provenance.__wrapped__()
    assert (facts["git.commit"], facts["git.dirty"]) == (commit, dirty)


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"]
)
def test_another_repository_of_the_surroundings_is_not_recorded(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = collect_provenance.__wrapped__()
    monkeypatch.setenv(name, str(tmp_path))
    assert collect_provenance.__wrapped__() == ours
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, env={"PATH": os.environ["PATH"]})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert collect_provenance.__wrapped__() == ours


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("10000 100000", 1),
        ("9900000 100000", 8),
        ("", 8),
    ],
)
def test_cores_are_those_that_the_process_may_use(
    limit: str, cores: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cores(tmp_path) == 8
    (tmp_path / "cpu.max").write_text(limit)
    assert usable_cores(tmp_path) == cores
