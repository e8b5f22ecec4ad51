"""Floors, further metrics and intervals over images, on literal tables."""

from collections.abc import Callable
from csv import DictReader
from dataclasses import replace
from io import StringIO
from math import isnan

import numpy as np
import pandas as pd
import pytest

from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.table.cell_trials import RIGHT
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.reporting.writers.html import table_html
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv
from ftlab.training.evaluation.right_images import pack_right

METRIC = "probe/few_shot_top1"
FLOORS = (
    FloorValues("chance", {METRIC: (10.0,), "knn/top1": (10.0,)}),
    FloorValues("raw pixels", {METRIC: (79.0, 80.0), "knn/top1": (97.0, 97.0)}),
)
AXIS = "method.key_momentum"

MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]


@pytest.fixture
def trials(make_trials: MakeTrials) -> pd.DataFrame:
    return make_trials(
        {
            "a": [("finished", value) for value in (87.0, 88.0, 89.0, 88.5)],
            "b": [("finished", value) for value in (67.0, 66.0, 69.0)] + [("collapsed", 20.0)],
        }
    )


def make_table(trials: pd.DataFrame, *, grid: bool = False) -> AblationTable:
    names = [("a", "key_momentum=0.9" if grid else "plain"), ("b", "key_momentum=0.99" if grid else "other")]
    cells = [Cell(name, {AXIS: 0.9 if key == "a" else 0.99}, (), key) for key, name in names]
    return ablate(
        "t",
        cells,
        trials,
        metric=METRIC,
        baseline=names[0][1],
        other_metrics=("knn/top1", "probe/top1"),
        floors=FLOORS,
        judged={METRIC: "nearest centroid of 5 labels", "knn/top1": "20 neighbours", "pretrain/loss": "never shown"},
    )


@pytest.mark.parametrize("grid", [False, True])
def test_floors_stand_below_the_rows_in_every_format(trials: pd.DataFrame, *, grid: bool) -> None:
    table = make_table(trials, grid=grid)
    assert [row.cell for row in lay_out(table).floors] == ["chance", "raw pixels"]
    for text in (table_md(table), table_tex(table), table_html(table), table_csv(table)):
        places = [text.index(name) for name in ("chance", "raw pixels")]
        assert places == sorted(places)
        assert text.rindex("0.99" if grid else "other", 0, places[0]) < places[0]
        assert "79.5" in text


def test_floors_are_no_trials_and_never_the_best(trials: pd.DataFrame) -> None:
    table = make_table(trials)
    assert [row.cell for row in table.rows] == ["plain", "other"]
    rows = list(DictReader(StringIO(table_csv(table))))
    assert [(row["cell"], row["is_floor"], row["is_best"]) for row in rows[2:]] == [
        ("chance", "yes", ""),
        ("raw pixels", "yes", ""),
    ]
    assert float(rows[3]["mean"]) == 79.5
    assert float(rows[3]["knn/top1_mean"]) == 97.0
    assert rows[3]["n"] == "2"
    assert rows[3]["difference"] == rows[3]["p"] == ""
    assert rows[3]["n_collapsed"] == rows[3]["n_missing"] == "0"
    assert "floors, and take part in no comparison" in table_md(table)


def test_a_table_without_floors_says_nothing_of_them(make_trials: MakeTrials) -> None:
    table = ablate("t", [Cell("x", {}, (), "x")], make_trials({"x": [("finished", 50.0)]}), metric=METRIC)
    assert "floor" not in table_md(table)
    assert table_html(table).count("<tbody") == 1


def test_other_metrics_have_columns_over_healthy_seeds(trials: pd.DataFrame) -> None:
    table = make_table(trials)
    printed = lay_out(table)
    assert [column.name for column in printed.columns][-2:] == ["knn/top1", "probe/top1"]
    assert [row.texts["knn/top1"] for row in printed.rows] == ["29.4", "22.4"]
    assert [row.texts["probe/top1"] for row in printed.rows] == ["-", "-"]  # not recorded
    assert "kNN top-1 (\\%)" in table_tex(table, "full")


def test_the_protocol_of_each_metric_is_named(trials: pd.DataFrame) -> None:
    text = table_md(make_table(trials))
    assert "Few-shot top-1: nearest centroid of 5 labels; kNN top-1: 20 neighbours." in text
    assert "never shown" not in text


class TestIntervalsOverImages:
    @pytest.fixture
    def with_images(self, trials: pd.DataFrame) -> pd.DataFrame:
        generator = np.random.default_rng(0)
        difficulty = generator.random(200)
        right = [{METRIC: pack_right(generator.random((4, 200)) < 0.5 + 0.5 * difficulty)} for _ in range(len(trials))]
        return trials.assign(**{RIGHT: right})

    def test_they_are_wider_than_those_over_seeds(self, with_images: pd.DataFrame) -> None:
        row = make_table(with_images).rows[0]
        assert row.images.mean.low < 75.0 < row.images.mean.high  # of the images above, not of the values
        assert isnan(row.images.difference.low)
        other = make_table(with_images).rows[1]
        assert other.images.difference.low < 0.0 < other.images.difference.high

    def test_they_stand_in_the_csv(self, with_images: pd.DataFrame) -> None:
        rows = list(DictReader(StringIO(table_csv(make_table(with_images)))))
        assert float(rows[1]["ci_low_images"]) < float(rows[1]["ci_high_images"])
        assert float(rows[1]["difference_ci_low_images"]) < float(rows[1]["difference_ci_high_images"])
        assert rows[0]["difference_ci_low_images"] == ""

    @pytest.mark.parametrize("words", [[0], [3, 2**33], [], [200, 1]])
    def test_damaged_or_missing_words_leave_them_empty(self, with_images: pd.DataFrame, words: list[int]) -> None:
        damaged = with_images.assign(**{RIGHT: [{METRIC: words}] * len(with_images)})
        assert all(isnan(row.images.mean.low) for row in make_table(damaged).rows)

    def test_records_of_before_leave_them_empty(self, trials: pd.DataFrame) -> None:
        assert all(isnan(row.images.mean.low) for row in make_table(trials).rows)
        assert table_csv(make_table(trials)).splitlines()[1].count(",,,,") >= 1


def test_images_that_stand_in_for_the_test_images_are_named(trials: pd.DataFrame) -> None:
    text = table_md(replace(make_table(trials), judged_on="20% of the training images, held out"))
    assert "20 neighbours. Judged on 20% of the training images, held out." in text
