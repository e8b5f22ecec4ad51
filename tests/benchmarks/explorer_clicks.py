"""The explorer's first view and its clicks on a store of 2,000 runs x 40 epochs, timed in Chromium.

A click lasts from the event to the last change of the page. ``REPORT_SCALE_HOME`` keeps the store, as for
``report_scale``.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from _harness import report
from _large_store import build_store
from report_scale import CHROMIUM, EPOCHS, NUM_RUNS, QUIET, ROUNDS, SEEDS, explorer

from ftlab.config.home import Home
from ftlab.study.spec import load_study

STUDY = f"/?experiment=momentum&profile=digits%2Btrain.epochs%3D{EPOCHS}"
FIRST_LIMIT, CLICK_LIMIT = 3.0, 0.5
# Each click follows from the page that the one before left.
CLICKS = {
    "another cell": ".rows tbody tr:nth-child(2) th a",
    "compare a cell": ".rows tbody tr:nth-child(3) .tick a",
    "compare another": ".rows tbody tr:nth-child(4) .tick a",
    "a seed": "#run-choices .pick:nth-child(1) a:nth-of-type(2)",
    "all seeds": "#run-choices .pick:nth-child(1) a:nth-of-type(1)",
    "every seed too": "#run-choices .pick:nth-child(3) a:nth-of-type(2)",
    "means alone": "#run-choices .pick:nth-child(3) a:nth-of-type(1)",
    "differences to a cell": "#against a:nth-of-type(2)",
    "sort the table": ".rows thead th:nth-child(2) a",
    "sort the runs": "#runs thead th:nth-child(2) a",
}
SECONDS = """
async (selector) => {
  const started = performance.now();
  let last = started;
  let changes = 0;
  const observer = new MutationObserver(() => { last = performance.now(); changes += 1; });
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  observer.observe(document.getElementById("content"), all);
  document.querySelector(selector).click();
  while ((!changes || performance.now() - last < 700) && performance.now() - started < 60000) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  observer.disconnect();
  return (last - started) / 1000;
}
"""


def main() -> None:
    """Build the store, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(os.environ.get("REPORT_SCALE_HOME", f"{folder}/home"))
        if not (home / "mlflow.db").exists():
            home.mkdir(parents=True, exist_ok=True)
            study = load_study("momentum", "digits", num_seeds=SEEDS, overrides={"train.epochs": EPOCHS})
            build_store(Home(str(home)), study, NUM_RUNS)
        rounds = [measure(home) for _ in range(ROUNDS)]
    first = [round_["first view"] for round_ in rounds]
    clicks = {name: statistics.median(round_[name] for round_ in rounds) for name in CLICKS}
    details: dict[str, Any] = {
        "runs": NUM_RUNS,
        "first view, after its link": f"{min(first):.2f} to {max(first):.2f} s (at most {FIRST_LIMIT} s)",
        **{f"click: {name}": f"{seconds:.2f} s (at most {CLICK_LIMIT} s)" for name, seconds in clicks.items()},
        "load of the machine": f"{os.getloadavg()[0]:.1f}",
    }
    report("explorer_clicks", [max(round_[name] for name in CLICKS) for round_ in rounds], "s", details)


def measure(home: Path) -> dict[str, float]:
    """Return the seconds of the first view and of each click."""
    from playwright.sync_api import sync_playwright

    with explorer(home) as starting, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        address = starting()
        started = time.perf_counter()
        page.goto(address + STUDY)
        for chart in ("axis-chart", "courses"):
            page.wait_for_selector(f"#{chart} .trace", state="attached", timeout=120_000)
        found = {"first view": time.perf_counter() - started}
        page.wait_for_timeout(3000)
        found |= {name: float(page.evaluate(SECONDS, selector)) for name, selector in CLICKS.items()}
        browser.close()
    return found


if __name__ == "__main__":
    main()
