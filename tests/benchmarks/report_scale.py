"""Table, figures and report from a store of 2,000 runs x 40 epochs, and the explorer's first view of it.

Building the store takes a minute or two. ``REPORT_SCALE_HOME`` names a folder that keeps it for the next time.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from _harness import report
from _large_store import build_store

from ftlab.config.home import Home
from ftlab.study.spec import load_study

NUM_RUNS, EPOCHS, SEEDS = 2000, 40, 223
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ROUNDS = 3


def main() -> None:
    """Build the store, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(os.environ.get("REPORT_SCALE_HOME", f"{folder}/home"))
        started = time.perf_counter()
        if not (home / "mlflow.db").exists():
            home.mkdir(parents=True, exist_ok=True)
            study = load_study("momentum", "digits", num_seeds=SEEDS, overrides={"train.epochs": EPOCHS})
            build_store(Home(str(home)), study, NUM_RUNS)
        built = time.perf_counter() - started
        results = [table_seconds(home, Path(folder) / f"results-{number}") for number in range(ROUNDS)]
        # Of the largest of the children so far, all of which made the table.
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak = usage.ru_maxrss / 1024
        links, views = zip(*(first_view_seconds(home) for _ in range(ROUNDS)), strict=True)
    details = {
        "runs": NUM_RUNS,
        "epochs": EPOCHS,
        "store built in": f"{built:.0f} s",
        "peak memory": f"{peak:.0f} MB",
        "processor time of a table": f"{(usage.ru_utime + usage.ru_stime) / ROUNDS:.1f} s",
        "load of the machine": f"{os.getloadavg()[0]:.1f}",
        "link of the explorer, after its start": f"{min(links):.2f} to {max(links):.2f} s",
        "first view of the explorer, after its link": f"{min(views):.2f} to {max(views):.2f} s",
        "viewed with": "Chromium" if CHROMIUM.is_file() else "HTTP alone",
    }
    report("report_scale", results, "s", details)


def table_seconds(home: Path, results: Path) -> float:
    """Return the seconds of the whole command that makes table, figures and report."""
    command = [str(Path(sys.executable).with_name("ftlab")), "table", "momentum", "--set", f"train.epochs={EPOCHS}"]
    started = time.perf_counter()
    subprocess.run([*command, "--results", str(results)], env=environment(home), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def first_view_seconds(home: Path) -> tuple[float, float]:
    """Return the seconds from the explorer's start to its link, and from there to a table with its figure on screen."""
    with explorer(home) as starting:
        if not CHROMIUM.is_file():
            launched = time.perf_counter()
            address = starting()
            started = time.perf_counter()
            urlopen(f"{address}/files/table.csv?experiment=momentum&profile=digits%2Btrain.epochs%3D{EPOCHS}").read()  # noqa: S310
            return started - launched, time.perf_counter() - started
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
            page = browser.new_page()
            launched = time.perf_counter()
            address = starting()
            started = time.perf_counter()
            page.goto(address)
            page.wait_for_selector(".rows tbody tr", timeout=120_000)
            page.wait_for_selector("#axis-chart .trace", state="attached", timeout=120_000)
            seconds = time.perf_counter() - started
            browser.close()
        return started - launched, seconds


@contextmanager
def explorer(home: Path) -> Iterator[Callable[[], str]]:
    """Give a function that starts the explorer and returns its link; the explorer ends with the context."""
    processes = []

    def start() -> str:
        command = [sys.executable, "-m", "explorer", "--port", "0"]
        process = subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return str(re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0])

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            process.wait()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a command on the store."""
    return {
        **{name: text for name, text in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        "FTLAB_HOME": str(home),
    }


if __name__ == "__main__":
    main()
