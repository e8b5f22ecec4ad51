"""Run the real command in a folder of its own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run_sweep(
    *arguments: str, experiment: str = "momentum", folder: Path | None = None, keep: bool = False
) -> tuple[float, list[str], Path]:
    """Run `ftlab sweep` and return its seconds, its output lines with their second, and its folder."""
    folder = folder or Path(tempfile.mkdtemp())
    environment = {**os.environ, "FTLAB_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"}
    command = [str(Path(sys.executable).parent / "ftlab"), "sweep", experiment, "--results", str(folder / "results")]
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = [f"{time.perf_counter() - started:.1f} {line.rstrip()}" for line in process.stdout]
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit("\n".join(lines))
    if not keep:
        shutil.rmtree(folder)
    return seconds, lines, folder


def first_epoch_seconds(lines: list[str]) -> float:
    """Return the second at which the first epoch's result was printed."""
    match = next(found for line in lines if (found := re.match(r"([\d.]+) first epoch", line)))
    return float(match[1])
