import pandas as pd
import pytest
import torch

from ftlab.reporting.figures.run_scores import (
    HEALTH_LABELS,
    RunCourse,
    ScoreDistribution,
    accuracy_courses,
    mean_courses,
    pooled_distributions,
    recorded_epochs,
    run_courses,
    score_distributions_at,
)
from ftlab.reporting.pages.panels import compact
from ftlab.reporting.pages.run_charts import LineStyle, courses_chart, distribution_chart
from ftlab.training.evaluation.health import measure_health

POSITIVE, AFTER = "scores/positive_mean", "scores/positive_mean_transformed"
METRICS = pd.DataFrame(
    [
        ("t1", 2, POSITIVE, 0.6),
        ("t1", 1, POSITIVE, 0.5),
        ("t1", 1, AFTER, 0.5),
        ("t1", 2, AFTER, 0.4),
        ("t2", 1, POSITIVE, 0.9),
        ("t2", 1, AFTER, 0.9),
        ("t2", 1, "knn/top1", 90.0),
    ],
    columns=["trial_key", "epoch", "name", "value"],
)
HISTOGRAMS = pd.DataFrame(
    [
        ("t1", 1, "scores/positive", [0, 0, 1, 3], -1.0, 1.0),
        ("t1", 1, "scores/positive_transformed", [0, 0, 2, 2], -1.0, 1.0),
        ("t1", 1, "scores/negative", [0, 0, 0, 0], -1.0, 1.0),
        ("t2", 2, "scores/positive", [1, 0, 0, 0], -1.0, 1.0),
    ],
    columns=["trial_key", "epoch", "name", "counts", "low", "high"],
)
LABELS = {"t2": "seed 1", "t1": "seed 0"}


def test_courses_follow_the_epochs_and_leave_out_what_ft_did_not_change() -> None:
    assert run_courses(METRICS, LABELS) == (
        RunCourse("seed 1", POSITIVE, False, (1,), (0.9,)),
        RunCourse("seed 0", POSITIVE, False, (1, 2), (0.5, 0.6)),
        RunCourse("seed 0", POSITIVE, True, (1, 2), (0.5, 0.4)),
    )


def test_health_and_loss_have_courses_too() -> None:
    names = ["health/alignment", "pretrain/loss", "health/backbone_rankme", "another"]
    rows = [("t1", epoch, name, 2.0) for epoch in (1, 2) for name in names]
    courses = run_courses(pd.DataFrame(rows, columns=METRICS.columns), LABELS)
    assert [course.statistic for course in courses] == ["pretrain/loss", "health/backbone_rankme", "health/alignment"]
    titles = [note.text for note in courses_chart(courses).layout.annotations]
    assert titles == ["loss", "RankMe of the backbone", "alignment"]


def test_every_measure_of_health_has_a_label() -> None:
    features = torch.eye(4)
    assert list(measure_health(features, features, (features, features))) == list(HEALTH_LABELS)


def test_the_last_epoch_of_each_run_is_known() -> None:
    assert recorded_epochs(METRICS) == {"t1": 2, "t2": 1}
    assert recorded_epochs(METRICS[:0]) == {}


def test_a_distribution_has_the_area_one() -> None:
    before, after = score_distributions_at(HISTOGRAMS, LABELS, 1)
    assert (before.centres, before.density) == ((-0.75, -0.25, 0.25, 0.75), (0.0, 0.0, 0.5, 1.5))
    assert (before.transformed, after.transformed) == (False, True)
    assert sum(after.density) * 0.5 == 1.0


def test_a_run_without_a_histogram_there_is_left_out() -> None:
    assert [found.run for found in score_distributions_at(HISTOGRAMS, LABELS, 2)] == ["seed 1"]
    assert score_distributions_at(HISTOGRAMS, LABELS, 3) == ()


def test_courses_are_drawn_a_panel_a_statistic() -> None:
    drawn = courses_chart(run_courses(METRICS, LABELS))
    assert [note.text for note in drawn.layout.annotations] == ["mean of positives", "seed 0", "seed 1"]
    assert [(trace.name, trace.line.dash) for trace in drawn.data] == [
        ("seed 1", "solid"),
        ("seed 0", "solid"),
        ("seed 0 after FT", "dash"),
    ]


def test_nothing_recorded_is_said() -> None:
    assert courses_chart(()).layout.annotations[0].text == "no epoch is recorded yet"
    assert distribution_chart((), 7).layout.annotations[0].text == "no histogram is recorded for epoch 7"


def test_scores_beyond_cosines_are_shown_and_the_axis_is_no_cosine() -> None:
    rows = [
        ("t1", 1, "scores/positive", [0, 1], -1.0, 1.0),
        ("t1", 1, "scores/positive_transformed", [0, 4, 0, 1, 1], -9.0, 1.0),
    ]
    found = score_distributions_at(pd.DataFrame(rows, columns=HISTOGRAMS.columns), LABELS, 1)
    assert found[1].centres == (-8.0, -6.0, -4.0, -2.0, 0.0)
    assert sum(found[1].density) * 2.0 == pytest.approx(1.0)
    drawn = distribution_chart(found, 1)
    assert drawn.layout.xaxis.range == (-6.0, 1.0)
    assert drawn.layout.xaxis.title.text == "score, epoch 1"
    plain = distribution_chart(found[:1], 1)
    assert plain.layout.xaxis.range == (-1.0, 1.0)
    assert plain.layout.xaxis.title.text == "score (cosine), epoch 1"


def test_a_mean_course_has_the_epochs_that_all_runs_have() -> None:
    courses = run_courses(METRICS, LABELS)
    groups = {"seed 0": "cell", "seed 1": "cell"}
    before, after = mean_courses(courses, groups)
    sums = {1: (0.9 + 0.5) / 2}  # epoch 2 is one run's alone
    assert (before.run, before.epochs, before.low, before.high) == ("cell", (1,), (0.5,), (0.9,))
    assert before.values[0] == pytest.approx(sums[1], abs=1e-6)
    assert (after.values, after.low) == ((0.5, 0.4), ())
    assert mean_courses(courses, {}) == courses


def test_an_accuracy_of_the_last_epoch_alone_has_no_course() -> None:
    rows = [("t1", 1, "knn/top1", 80.0), ("t1", 2, "knn/top1", 90.0), ("t1", 2, "probe/top1", 95.0)]
    (found,) = accuracy_courses(pd.DataFrame(rows, columns=METRICS.columns), LABELS)
    assert (found.statistic, found.epochs, found.values) == ("knn/top1", (1, 2), (80.0, 90.0))


def test_pooled_scores_are_those_of_all_runs_together() -> None:
    rows = [
        ("t1", 1, "scores/positive", [0, 0, 1, 3], -1.0, 1.0),
        ("t2", 1, "scores/positive", [4, 0, 0, 0], -1.0, 1.0),
    ]
    histograms = pd.DataFrame(rows, columns=HISTOGRAMS.columns)
    (pooled,) = pooled_distributions(histograms, LABELS, {"seed 0": "cell", "seed 1": "cell"}, 1)
    # 4, 0, 1 and 3 of 8 scores, in bins half a score wide.
    assert (pooled.run, pooled.density) == ("cell", (1.0, 0.0, 0.25, 0.75))
    apart = pooled_distributions(histograms, LABELS, {}, 1)
    assert [each.run for each in apart] == ["seed 1", "seed 0"]


def test_positives_and_negatives_differ_in_dash_and_marker() -> None:
    rows = [
        ("t1", 1, f"scores/{sign}{after}", counts, -1.0, 1.0)
        for sign, counts in (("positive", [0, 0, 1, 3]), ("negative", [3, 1, 0, 0]))
        for after, counts in (("", counts), ("_transformed", counts[::-1]))
    ]
    drawn = distribution_chart(score_distributions_at(pd.DataFrame(rows, columns=HISTOGRAMS.columns), LABELS, 1), 1)
    assert len({(trace.line.dash, trace.marker.symbol) for trace in drawn.data}) == 4
    assert len({trace.line.dash for trace in drawn.data}) == 4
    assert [note.text for note in drawn.layout.annotations] == ["positives", "negatives"]


RUNS_AND_TOPS = (("seed 0", 1.0), ("seed 1", 1.5))


def test_each_sign_is_named_once_at_its_highest_peak() -> None:
    flat, high = (ScoreDistribution(run, "positive", False, (0.0, 0.5), (0.5, top)) for run, top in RUNS_AND_TOPS)
    drawn = distribution_chart((flat, high), 1)
    assert [(note.text, note.y) for note in drawn.layout.annotations] == [("positives", 1.5)]


def test_labels_at_the_ends_take_no_room_from_the_lines() -> None:
    courses = [RunCourse(run, POSITIVE, False, (1, 40), (0.5, 0.6)) for run in ("seed 0", "seed 1")]
    low, high = courses_chart(courses).layout.xaxis.range
    assert (low, 40 < high < 42) == (0, True)


def test_a_band_reaches_from_the_lowest_run_to_the_highest() -> None:
    course = RunCourse("cell", POSITIVE, False, (1, 2), (0.5, 0.6), (0.4, 0.5), (0.6, 0.7))
    low, high, line = courses_chart([course], {"cell": LineStyle("#0f7fc1")}).data
    assert [*map(list, (low.y, high.y, line.y))] == [*map(list, compact([[0.4, 0.5], [0.6, 0.7], [0.5, 0.6]]))]
    assert (high.fill, low.hoverinfo) == ("tonexty", "skip")
