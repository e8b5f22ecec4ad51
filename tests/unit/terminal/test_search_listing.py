"""The results of a search on a terminal: nothing is cut at any width."""

from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len

from ftlab.reporting.search.findings import Importance, SearchReport, SearchTrial
from ftlab.terminal import console as consoles
from ftlab.terminal import search_listing, table_listing
from ftlab.terminal.console import PlainConsole
from ftlab.terminal.search_listing import print_search

SETTINGS = (
    "transform.positives",
    "transform.lambda_interpolation",
    "transform.alpha_extrapolation",
    "transform.start",
    "method.temperature",
    "method.key_momentum",
)
VALUES = ("extrapolate", [0.25, 0.75], 2.125, 0.3, 0.123456, 0.99)


def trial(number: int, value: float, name: str = "") -> SearchTrial:
    settings = dict(zip(SETTINGS, VALUES, strict=True))
    named = name or f"trial {number}"
    return SearchTrial(number, named, "finished", "", value, 0.0123, 50.0, settings, (f"key {number}",))


TRIALS = (trial(0, 80.0, "hand-made"), *(trial(number, 70.0 + number) for number in range(1, 15)))
IMPORTANCE = Importance("accuracy", {"transform.lambda_interpolation.width": 75.0}, 15, "Only 15 finished trials.")
REPORT = SearchReport("s", "Which?", "probe/top1", SETTINGS, TRIALS, ("hand-made",), False, (IMPORTANCE,), "knn/top1")


def printed(
    monkeypatch: pytest.MonkeyPatch, width: int, report: SearchReport = REPORT, *, terminal: bool = True
) -> str:
    shown = StringIO()
    console = PlainConsole(file=shown, width=width, force_terminal=terminal, color_system=None)
    for module in (consoles, search_listing, table_listing):
        monkeypatch.setattr(module, "console", console)
    print_search(report, Path("results/s/digits"), [Path("results/s/digits/search.md")])
    return shown.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_lines_fit_and_names_are_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    text = printed(monkeypatch, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("hand-made", "trial 14", "alpha extrapolation", "84.0", "0.123456", "stopped early", "75.0"):
        assert (word in text) == (word != "stopped early")
    best = text[text.index("The best 10") :]
    assert [line.split()[1] for line in best.splitlines() if line.startswith("trial")] == [
        str(number) for number in range(14, 5, -1)
    ]
    assert ("Too narrow for" in text) == (width < 140)


def test_a_file_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, 80, terminal=False)
    assert "Too narrow" not in text
    (heading,) = (line for line in text.splitlines() if line.startswith("configuration"))
    assert heading.endswith("key momentum")
    assert "results/s/digits: search.md" in text


def test_a_search_without_a_result_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = SearchReport("s", "Which?", "probe/top1", SETTINGS, (), (), False, (Importance("cost", {}, 0, "Too few."),))
    text = printed(monkeypatch, 80, empty)
    assert "No trial." in text
    assert "Too few." in text
