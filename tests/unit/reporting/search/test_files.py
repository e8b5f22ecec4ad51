"""The files of a search: figures are drawn when what they show has changed, and left out where they show nothing."""

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from ftlab.reporting.search import drawing
from ftlab.reporting.search.files import write_search
from ftlab.reporting.search.findings import Importance, SearchReport, SearchTrial, best_trials
from ftlab.reporting.search.tables import search_md

SHARES = Importance("accuracy", {"transform.start": 100.0}, 20, "")
TOO_FEW = Importance("accuracy", {}, 3, "Too few trials.")


def trial(number: int, value: float, status: str = "finished") -> SearchTrial:
    settings = {"transform.start": number / 10}
    return SearchTrial(number, f"trial {number}", status, "", value, 1.0, 50.0, settings, (f"key {number}",))


@pytest.fixture
def report() -> SearchReport:
    trials = tuple(trial(number, 70.0 + number) for number in range(12))
    return SearchReport("s", "Which?", "probe/top1", ("transform.start",), trials, (), False, (SHARES,), "knn/top1")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the figures in the order in which they are drawn; each shows its name alone."""
    names: list[str] = []
    for name in ("draw_history", "draw_importance", "draw_front"):

        def draw(found: SearchReport, name: str = name) -> dict[str, bytes]:
            names.append(name)
            return {"png": name.encode(), "pdf": repr(found).encode()}

        monkeypatch.setattr(drawing, name, draw)
    return names


def written(report: SearchReport, folder: Path, drawn: list[str]) -> list[str]:
    drawn.clear()
    paths = write_search(report, folder)
    assert all(path.is_file() for path in paths)
    return list(drawn)


def test_a_figure_is_drawn_when_what_it_shows_changes(report: SearchReport, tmp_path: Path, drawn: list[str]) -> None:
    assert written(report, tmp_path, drawn) == ["draw_history", "draw_importance"]
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert written(report, tmp_path, drawn) == []
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    other = replace(SHARES, shares={"transform.start": 99.0, "method.temperature": 1.0})
    assert written(replace(report, importance=(other,)), tmp_path, drawn) == ["draw_importance"]
    assert written(replace(report, importance=(other,), trials=report.trials[1:]), tmp_path, drawn) == ["draw_history"]
    assert "draw_front" in written(replace(report, has_cost=True), tmp_path, drawn)


def test_an_altered_file_is_made_again(report: SearchReport, tmp_path: Path, drawn: list[str]) -> None:
    written(report, tmp_path, drawn)
    (tmp_path / "history.png").write_bytes(b"altered")
    assert written(report, tmp_path, drawn) == ["draw_history"]
    for damage in (b"{}", b"no json", b'{"contents":{},"sources":{},"checksum":"0123456789abcdef"}'):
        (tmp_path / "drawn.json").write_bytes(damage)
        assert written(report, tmp_path, drawn) == ["draw_history", "draw_importance"]


def test_too_few_trials_give_no_figure_of_importance(report: SearchReport, tmp_path: Path, drawn: list[str]) -> None:
    written(report, tmp_path, drawn)
    assert (tmp_path / "importance.png").is_file()
    few = replace(report, importance=(TOO_FEW,), trials=report.trials[:3])
    assert written(few, tmp_path, drawn) == ["draw_history"]
    assert not list(tmp_path.glob("importance.p*"))
    assert (tmp_path / "importance.csv").read_text() == "objective,parameter,share_percent,num_trials\n"


def test_the_best_ten_are_listed(report: SearchReport) -> None:
    trials = (*report.trials, trial(12, 99.0, "collapsed"), trial(13, nan, "pruned"))
    assert [found.number for found in best_trials(trials)] == list(range(11, 1, -1))
    assert [found.number for found in best_trials(trials[10:])] == [11, 10, 12]
    text = search_md(replace(report, trials=trials))
    assert "## The best 10\n\n| configuration | linear top-1 (%) | hours x devices | start |" in text
    assert "| trial 11 | 81.0 | 1 | 1.1 |" in text
    assert "trial 12 (collapsed) | 99.0" in search_md(replace(report, trials=trials[10:]))
    assert "The best" not in search_md(replace(report, trials=trials[:1]))
