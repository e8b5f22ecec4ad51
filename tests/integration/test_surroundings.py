"""Sweeps in surroundings that a shell, a notebook or a cluster sets: each ends as it does elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MakeLaboratory = Callable[..., Any]

SURROUNDINGS = {
    "a notebook": {"MPLBACKEND": "module://no_such_package.backend_inline", "MLFLOW_LOGGING_LEVEL": "debug"},
    "a locale of ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a terminal of ISO-8859-1": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "iso-8859-1"},
    "a misspelt level": {"MLFLOW_LOGGING_LEVEL": "loud", "MPLBACKEND": "nothing", "LANG": "de_DE.ISO-8859-1"},
    "an old locale": {"LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0"},
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_sweep_ends_as_it_does_elsewhere(surroundings: dict[str, str], make_laboratory: MakeLaboratory) -> None:
    laboratory = make_laboratory()
    laboratory.surroundings = surroundings
    laboratory.write_experiment("exp", question="τ → 0, ≈ für alle?", seeds=1, cells=[{"name": "größer"}])
    command = laboratory.sweep("exp")
    assert "Traceback" not in command.err
    assert [run.info.status for run in laboratory.runs()] == ["FINISHED", "FINISHED"]
    assert "τ → 0, ≈ für alle?" in (laboratory.results / "exp" / "tiny" / "report.html").read_text(encoding="utf-8")
