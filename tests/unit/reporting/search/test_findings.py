import csv
from io import StringIO
from math import nan

import pytest

from ftlab.reporting.search.drawing import draw_front, draw_history, draw_importance
from ftlab.reporting.search.findings import Importance, SearchReport, SearchTrial, best_so_far, pareto_front
from ftlab.reporting.search.tables import importance_csv, importance_md, pareto_csv, search_md, search_trials_csv

START = "transform.start"


def trial(number: int, value: float = nan, cost: float = nan, status: str = "finished", name: str = "") -> SearchTrial:
    return SearchTrial(
        number=number,
        name=name or f"trial {number}",
        status=status,
        reason="",
        value=value,
        cost=cost,
        knn=50.0,
        settings={START: number / 10},
        trial_keys=(f"key {number}",),
        run_ids=(f"run {number}",),
    )


TRIALS = (
    trial(0, 80.0, 1.0, name="hand-made"),
    trial(1, 70.0, 0.5),
    trial(2, status="pruned"),
    trial(3, 85.0, 2.0, status="collapsed"),
    trial(4, 85.0, 3.0),
    trial(5, 60.0, 0.6),
    trial(6, 70.0, status="repeated"),
    trial(7, status="failed"),
)
SHARES = Importance("accuracy", {START: 75.0, "1 - method.key_momentum": 25.0}, 5, "Only 5 finished trials.")


def report(trials: tuple[SearchTrial, ...] = TRIALS, *, has_cost: bool = False) -> SearchReport:
    importance = (SHARES, Importance("cost", {}, 5, "Too few.")) if has_cost else (SHARES,)
    known = ("hand-made",)
    return SearchReport("s", "Which?", "probe/top1", (START,), trials, known, has_cost, importance, "knn/top1")


def test_the_best_is_the_first_of_the_highest() -> None:
    found = report()
    assert [trial.number for trial in found.results] == [0, 1, 3, 4, 5]
    assert found.best is TRIALS[4]
    assert found.reference is TRIALS[0]
    assert (report(()).best, report(()).reference, report(()).front) == (None, None, ())


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], []),
        ([(80.0, 1.0)], [0]),
        ([(80.0, 1.0), (80.0, 1.0)], [0]),
        ([(80.0, 1.0), (80.0, 2.0), (81.0, 1.0)], [2]),
        ([(80.0, 2.0), (70.0, 1.0), (75.0, 1.5), (74.0, 1.6), (90.0, 2.0)], [1, 2, 4]),
    ],
)
def test_the_front_has_no_trial_that_another_beats(points: list[tuple[float, float]], front: list[int]) -> None:
    trials = [trial(number, value, cost) for number, (value, cost) in enumerate(points)]
    found = pareto_front(trials)
    assert [trial.number for trial in found] == front
    for one in trials:
        beaten = any(
            other.value >= one.value and other.cost <= one.cost and (other.value, other.cost) != (one.value, one.cost)
            for other in trials
        )
        assert beaten == ((one.value, one.cost) not in [(trial.value, trial.cost) for trial in found])


def test_the_course_of_a_search() -> None:
    course = [(point.number, point.value, point.best) for point in best_so_far(report().results)]
    # Trial 3 collapsed.
    assert course == [(0, 80.0, 80.0), (1, 70.0, 80.0), (3, 85.0, 80.0), (4, 85.0, 85.0), (5, 60.0, 85.0)]


def test_every_trial_is_a_row() -> None:
    rows = list(csv.DictReader(StringIO(search_trials_csv(report()))))
    assert [row["status"] for row in rows] == [trial.status for trial in TRIALS]
    assert rows[3] == {
        "number": "3",
        "name": "trial 3",
        "status": "collapsed",
        "probe/top1": "85.0",
        "cost_hours": "2.0",
        "knn/top1": "50.0",
        START: "0.3",
        "trial_keys": "key 3",
        "mlflow_run_ids": "run 3",
        "reason": "",
    }
    assert (rows[2]["probe/top1"], rows[2]["cost_hours"]) == ("", "")


def test_the_front_as_csv() -> None:
    rows = list(csv.DictReader(StringIO(pareto_csv(report(has_cost=True)))))
    assert [(row["number"], row["cost_hours"], row["probe/top1"]) for row in rows] == [
        ("1", "0.5", "70.0"),
        ("0", "1.0", "80.0"),
        ("3", "2.0", "85.0"),
    ]


def test_importance_as_tables() -> None:
    assert importance_csv(report()).splitlines() == [
        "objective,parameter,share_percent,num_trials",
        "accuracy,transform.start,75.0,5",
        "accuracy,1 - method.key_momentum,25.0,5",
    ]
    text = importance_md(SHARES)
    assert "| transform.start | 75.0 |" in text
    assert text.endswith("Only 5 finished trials.")
    assert "|" not in importance_md(Importance("cost", {}, 2, "Too few."))


def test_a_search_in_markdown() -> None:
    text = search_md(report())
    assert "|  | hand-made | trial 4 |" in text
    assert "| linear top-1 (%) | 80.0 | **85.0** |" in text
    assert "| start | 0.0 | 0.4 |" in text
    assert (
        "5 trained to the end and judged by linear top-1, 1 stopped early by kNN top-1, 1 failed, "
        "1 suggested again and answered without training."
    ) in text
    both = search_md(report(has_cost=True))
    assert "|  | trial 1 | hand-made | trial 3 |" in both
    assert "| hours x devices | 0.5 | 1 | 2 |" in both
    assert "No trial." in search_md(report(()))


@pytest.mark.slow
def test_figures_are_drawn_the_same_each_time() -> None:
    found = report(has_cost=True)
    for draw in (draw_history, draw_importance, draw_front):
        drawn = draw(found)
        assert [content[1:4] for content in drawn.values()] == [b"PNG", b"PDF"]
        assert draw(found) == drawn


@pytest.mark.parametrize("found", [report(()), report((trial(0, 80.0, 1.0),))])
@pytest.mark.slow
def test_however_little_is_known_is_drawn(found: SearchReport) -> None:
    for draw in (draw_history, draw_importance, draw_front):
        assert [content[1:4] for content in draw(found).values()] == [b"PNG", b"PDF"]
