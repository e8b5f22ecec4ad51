import os
import re

import pytest

from ftlab.machine.facts import PACKAGES, collect_provenance


def test_a_trial_is_tagged_with_commit_hardware_and_versions() -> None:
    facts = collect_provenance()
    assert re.fullmatch("[0-9a-f]{40}|unknown", facts["git.commit"])
    assert facts["git.dirty"] in ("true", "false", "unknown")
    assert facts["hardware.cores"] == str(os.cpu_count())
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
