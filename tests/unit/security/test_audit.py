"""`make audit`: a vulnerability fails it, and a service that does not answer is never called a clean bill."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "audit.py"
SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
FLAWED = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.0", "1.1"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found"}

Audit = Callable[[str, str], tuple[int, str]]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Run the script where pip-audit prints what the test says, on its output and its error output."""

    def run(output: str, errors: str) -> tuple[int, str]:
        (tmp_path / "python").symlink_to(sys.executable)
        (tmp_path / "output").write_text(output)
        (tmp_path / "errors").write_text(errors)
        program = tmp_path / "pip-audit"
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/output; cat {tmp_path}/errors >&2; exit 1\n")
        program.chmod(0o755)
        (tmp_path / "requirements.lock").touch()
        done = subprocess.run(
            [str(tmp_path / "python"), str(SCRIPT), "requirements.lock", "docker/absent.lock"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([SOUND], 0, "1 packages audited, 0 known vulnerabilities"),
        ([SOUND, FLAWED], 1, "pillow 1.0: CVE-1, fixed in 2.0, 1.1"),
        ([SOUND, UNKNOWN], 1, "1 packages could not be audited: torch"),
        ([UNKNOWN], 0, "the vulnerability service could not be reached: nothing was audited"),
    ],
)
def test_what_the_service_says(packages: list[object], status: int, said: str, audit: Audit) -> None:
    found, output = audit(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == status
    assert said in output


@pytest.mark.parametrize(
    ("errors", "status"), [("requests.exceptions.ConnectionError: Max retries", 0), ("invalid requirements", 2)]
)
def test_a_service_that_does_not_answer(errors: str, status: int, audit: Audit) -> None:
    found, output = audit("", errors)
    assert found == status
    assert ("nothing was audited" in output) == (status == 0)
