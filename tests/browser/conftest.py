import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from ftlab.config.home import Home
from ftlab.machine.hardware import find_hardware
from ftlab.publish.table import tabulate
from ftlab.publish.table_files import load_histories, write_results
from ftlab.publish.table_options import TableOptions
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.spec import Trial, expand_trials, load_study
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.tracker import Tracker
from ftlab.training.epoch_result import EpochResult

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
QUIET = (
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)

LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
FINGERPRINT = "0123abcd" * 4
EPOCHS = 6
RUNNING_SEED = 2

Problems = list[str]

expect.set_options(timeout=30_000)  # cores may be busy with other tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, without a window."""
    if not Path(CHROMIUM).is_file():
        pytest.skip("needs chromium or google-chrome in PATH; CHROMIUM names another place")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{argument}" for argument in QUIET])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A store with the experiment ``queue``: four cells of two finished seeds, and one that is being trained."""
    home = Home(str(tmp_path_factory.mktemp("home")))
    study = load_study("queue", "digits", num_seeds=RUNNING_SEED + 1, overrides={"train.epochs": EPOCHS})
    tracker = open_tracker(home.local)
    tracker.open_study(study_record(study))
    hardware = find_hardware(study.profile.resources, together=1)
    trials = expand_trials(study, FINGERPRINT)
    for trial in trials[: 4 * RUNNING_SEED + 1]:
        tracker.open_trial(trial_record(trial, study.results_name, hardware))
        is_running = trial.config.seed == RUNNING_SEED
        tracker.log_epochs(
            trial.key, [epoch_record(trial, epoch) for epoch in range(1, 3 if is_running else EPOCHS + 1)]
        )
        if not is_running:
            collapsed = trial.cell == "2K" and trial.config.seed == 1
            tracker.close_trial(trial.key, Outcome(TrialStatus.COLLAPSED if collapsed else TrialStatus.FINISHED))
    return home


def epoch_record(trial: Trial, epoch: int) -> EpochResult:
    """Return plausible scores that differ from epoch to epoch and from seed to seed."""
    place = epoch / EPOCHS + 0.05 * trial.config.seed
    positive, negative, variance = 0.9 - 0.3 * place, 0.6 * math.exp(-3 * place), 0.02 + 0.08 * place
    with_ft = 0.8 if trial.config.transform.negatives != "none" else 1.0
    before = {"positive_mean": positive, "negative_mean": negative, "negative_variance": variance}
    metrics = {
        **{f"scores/{name}": value for name, value in before.items()},
        **{f"scores/{name}_transformed": value * with_ft for name, value in before.items()},
        "pretrain/loss": 6.9 - place,
    }
    if epoch % 2 == 0:
        metrics["knn/top1"] = 80.0 + epoch + trial.config.seed
    if epoch == EPOCHS:
        metrics["probe/few_shot_top1"] = 88.0 + trial.config.seed + len(trial.cell)
    histograms = {
        "scores/positive": bell(positive, 0.1),
        "scores/positive_transformed": bell(positive * with_ft, 0.1),
        "scores/negative": bell(negative, math.sqrt(variance)),
        "scores/negative_transformed": bell(negative * with_ft, math.sqrt(variance)),
    }
    steps: dict[str, list[float]] = {
        "step": [10 * epoch - 9, 10 * epoch],
        **{name: [value, value] for name, value in metrics.items() if "/" in name},
    }
    norms = {layer: (1 + place) * 10.0**-depth for depth, layer in enumerate(("block1", "block2", "block3", "head"))}
    return EpochResult(epoch, 1.7e9 + epoch, metrics, histograms, steps, norms)


def bell(mean: float, spread: float) -> list[int]:
    """Return the counts of 100 bins of [-1, 1]."""
    return [round(1000 * math.exp(-(((bin_ / 50 - 0.99 - mean) / spread) ** 2) / 2)) for bin_ in range(100)]


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve the explorer for a home; returns its address."""
    processes = []

    def start(home: Path) -> str:
        environment = {**os.environ, "FTLAB_HOME": str(home)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, "-m", "explorer", "--port", "0"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return str(re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0])

    yield start
    for process in processes:
        process.kill()
        process.communicate()  # closes the pipe, too


@pytest.fixture(scope="session")
def explorer(serve: Callable[[Path], str], home: Home) -> str:
    """Address of the explorer of ``home``."""
    return serve(home.local)


@pytest.fixture
def problems() -> Problems:
    """The errors of a page, and its requests to other machines; empty when all is well."""
    return []


@pytest.fixture
def open_page(browser: Browser, problems: Problems) -> Iterator[Callable[..., Page]]:
    """Open an address in a window of its own, `open_page(address, viewport=PHONE)`, and watch it."""
    contexts: list[BrowserContext] = []

    def open_(address: str, *, offline: bool = False, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": LAPTOP, **settings})
        context.set_offline(offline)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if is_foreign(request.url) else None)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def is_foreign(address: str) -> bool:
    """Return whether an address is another machine's."""
    return not re.match(r"(http://127\.0\.0\.1[:/]|file:///|data:|blob:)", address)


@pytest.fixture(scope="session")
def recorded_tracker(home: Home) -> Tracker:
    """The store of ``home``."""
    return open_tracker(home.local)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, recorded_tracker: Tracker) -> str:
    """Address of the report of ``home``'s study, on disk."""
    recorded = recorded_tracker.load_trials()
    study = load_study("queue", "digits", overrides={"train.epochs": 6})
    trials = expand_trials(study, recorded["tags"].iloc[0]["data.fingerprint"])
    table = tabulate(study, trials, recorded, TableOptions(all_seeds=True))
    folder: Path = tmp_path_factory.mktemp("results")
    write_results(table, load_histories(recorded_tracker, table, recorded), folder, recorded, "make sweep EXP=queue")
    return (folder / "report.html").as_uri()


@pytest.fixture
def serious_faults() -> Callable[[Page], list[str]]:
    """Return what axe-core finds on a page that is serious or worse, an element a line."""
    reason = "needs axe-playwright-python, which carries axe-core"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)

    def find(page: Page) -> list[str]:
        found = axe.Axe().run(page).response["violations"]
        serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
        return [f"{fault['id']}: {node['target']} {node['html'][:90]}" for fault in serious for node in fault["nodes"]]

    return find
