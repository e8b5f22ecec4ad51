import json
from collections.abc import Callable, Mapping

import pytest
from typer.testing import CliRunner

from ftlab.cli import doctor_command
from ftlab.cli.doctor_command import app
from ftlab.doctor.finding import Finding, fault, good, warning
from ftlab.errors import ConfigError

WriteExperiment = Callable[..., None]

WELL = {"Python": good("3.11.7"), "disk": warning("3.0 GiB free", "export FTLAB_HOME=/b")}
ILL = {**WELL, "tracking store": fault("http://ann:secret@host refuses", "curl http://ann:secret@host/health")}


@pytest.fixture(autouse=True)
def profile(write_experiment: WriteExperiment) -> None:
    """Let there be a profile tiny."""


def examine(monkeypatch: pytest.MonkeyPatch, found: dict[str, Finding], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(doctor_command, "check_up", lambda _: iter(found.items()))
    ended = CliRunner().invoke(app, ["--profile", "tiny", *arguments])
    return ended.exit_code, ended.output


def test_a_line_a_check_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, match_snapshot: Callable[[str, Mapping[str, str]], None]
) -> None:
    status, said = examine(monkeypatch, ILL)
    assert status == 1
    assert "secret" not in said
    match_snapshot("doctor", {"make doctor": said})


def test_warnings_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine(monkeypatch, WELL)[0] == 0


def test_programs_get_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = examine(monkeypatch, ILL, "--json")
    checks = json.loads(said)["checks"]
    assert (status, [check["level"] for check in checks]) == (1, ["ok", "warning", "fault"])
    assert checks[2]["message"] == "http://***@host refuses"
    assert checks[2]["fix"] == "curl http://***@host/health"


def test_an_unknown_profile_is_refused() -> None:
    ended = CliRunner().invoke(app, ["--profile", "tyni"])
    assert isinstance(ended.exception, ConfigError)
    assert "Did you mean 'tiny'?" in str(ended.exception)
