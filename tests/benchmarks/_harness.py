"""The parts that all benchmarks share: paired timing, and one shape of report."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftlab.machine.memory import find_gpus

# Several runs of one benchmark, as on a GPU day, each have a folder of their own.
RESULTS = Path(os.environ.get("FTLAB_BENCH", "results/bench"))
PACKAGES = ("torch", "torchvision", "ray", "mlflow", "numpy")


def seconds_of(run: Callable[[], object], repeats: int) -> float:
    """Return the wall-clock seconds of one call, averaged over ``repeats`` calls in a row."""
    started = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - started) / repeats


def seconds_in_turn(runs: Sequence[Callable[[], object]], *, rounds: int, repeats: int) -> list[list[float]]:
    """Time functions in turn, A B ... A B ..., after a warm-up of each, so that drift meets all alike.

    Returns:
        Seconds of each function, round by round.
    """
    for run in runs:
        seconds_of(run, max(1, repeats // 4))
    timed = [[seconds_of(run, repeats) for run in runs] for _ in range(rounds)]
    return [list(seconds) for seconds in zip(*timed, strict=True)]


def paired_seconds(
    ours: Callable[[], object], yardstick: Callable[[], object], *, rounds: int, repeats: int
) -> list[tuple[float, float]]:
    """Time two functions in turn, see `seconds_in_turn`."""
    mine, theirs = seconds_in_turn((ours, yardstick), rounds=rounds, repeats=repeats)
    return list(zip(mine, theirs, strict=True))


def report_ratio(name: str, pairs: Sequence[tuple[float, float]], details: Mapping[str, object]) -> None:
    """Report the median of pairwise ratios ours / yardstick."""
    ours, yardstick = zip(*pairs, strict=True)
    seconds = {"ours_seconds": statistics.median(ours), "yardstick_seconds": statistics.median(yardstick)}
    report(name, [a / b for a, b in pairs], "ratio", {**details, **seconds})


def report(name: str, values: Sequence[float], unit: str, details: Mapping[str, object]) -> None:
    """Write ``results/bench/<name>.json`` and print details, then ``<name> <median> <unit>`` as the last line."""
    value = statistics.median(values)
    content = {
        "name": name,
        "value": value,
        "unit": unit,
        "spread": [min(values), max(values)],
        "runs": len(values),
        "command": " ".join([Path(sys.executable).name, *sys.argv]),
        "details": dict(details),
        "hardware": {"cpu": _cpu_model(), "cores": os.cpu_count(), "machine": platform.machine(), "gpus": gpu_names()},
        "versions": installed_versions(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    for key, detail in details.items():
        print(f"  {key}: {detail}")
    print(f"  spread over {len(values)} runs: {min(values):.3g} to {max(values):.3g}")
    print(f"{name} {value:.3g} {unit}")


def installed_versions() -> dict[str, str]:
    """Return the versions that may matter to a figure; a training needs neither Ray nor MLflow."""
    return {package: _version(package) for package in PACKAGES}


def gpu_names() -> list[str]:
    """Return the models of this machine's GPUs."""
    return [gpu.name for gpu in find_gpus()]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
