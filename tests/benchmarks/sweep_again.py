"""Whole-process seconds of `make sweep EXP=momentum` when nothing is left to train."""

import filecmp
import shutil
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from _harness import report
from _sweeps import run_sweep


def main() -> None:
    """Time three repetitions after a short sweep that fills the store; check that no byte of the results changes."""
    _, _, folder = run_sweep("--set", "train.epochs=2", keep=True)
    try:
        before = folder / "before"
        shutil.copytree(folder / "results", before)
        worked = _processor_seconds()
        seconds = [run_sweep("--set", "train.epochs=2", folder=folder, keep=True)[0] for _ in range(3)]
        worked = _processor_seconds() - worked
        same = not _differences(filecmp.dircmp(before, folder / "results"))
    finally:
        shutil.rmtree(folder)
    details = {"trials": 27, "same bytes in results": same, "processor seconds": f"{worked / len(seconds):.2f}"}
    report("sweep_again", seconds, "seconds", details)


def _processor_seconds() -> float:
    """Return the processor time of all processes that ended so far: a busy machine adds little to it."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _differences(comparison: "filecmp.dircmp[str]") -> list[str]:
    own = [*comparison.left_only, *comparison.right_only]
    _, mismatch, failed = filecmp.cmpfiles(
        Path(comparison.left), Path(comparison.right), comparison.common_files, shallow=False
    )
    nested = [name for below in comparison.subdirs.values() for name in _differences(below)]
    return [*own, *mismatch, *failed, *nested]


if __name__ == "__main__":
    main()
