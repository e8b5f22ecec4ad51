from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from ftlab.cli.command_line import app
from ftlab.config.home import Home
from ftlab.errors import ResultsError

WriteExperiment = Callable[..., None]


def test_results_that_cannot_be_written_are_named_before_anything_is_opened(
    write_experiment: WriteExperiment, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftlab.workers.session.RaySession.start", lambda _: pytest.fail("Ray was started"))
    write_experiment("exp", grid={"method.temperature": [0.1]})
    ended = CliRunner().invoke(app, ["sweep", "exp", "--profile", "tiny", "--results", "/proc/results"])
    assert isinstance(ended.exception, ResultsError)
    assert "results must be written, but /proc/results/exp/tiny cannot be" in str(ended.exception)
    assert not home.local.exists()
