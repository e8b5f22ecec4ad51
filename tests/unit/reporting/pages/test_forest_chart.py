from collections.abc import Callable
from dataclasses import replace
from math import isnan

import pandas as pd

from ftlab.reporting.pages.forest_chart import forest_chart, forest_lines
from ftlab.reporting.table.ablation import Cell, ablate

METRIC = "probe/few_shot_top1"
CELLS = [Cell(name, {}, cell_key=name) for name in ("none", "both", "late")]
LABELS = {"none": "none", "both": "with FT", "late": "late"}

MakeTrials = Callable[..., pd.DataFrame]


def values(*found: float) -> list[tuple[str, float]]:
    return [("finished", value) for value in found]


def test_the_lines_are_the_comparisons_of_the_table(make_trials: MakeTrials) -> None:
    trials = make_trials({"none": values(80, 81, 82, 83), "both": values(85, 85, 88, 88), "late": values(80, 82)})
    table = ablate("t", CELLS, trials, metric=METRIC, baseline="none")
    baseline, both, late = forest_lines(table, LABELS)
    told = table.rows[1].comparison
    assert told is not None
    assert (both.difference, both.low, both.high, both.p) == (
        told.difference.mean,
        told.difference.ci_low,
        told.difference.ci_high,
        told.p,
    )
    assert (baseline.is_baseline, baseline.difference, both.label, both.note) == (True, 0.0, "with FT", "better")
    assert (late.note, late.n, isnan(late.p)) == ("screen", 2, True)


def test_a_row_that_is_not_complete_is_not_judged(make_trials: MakeTrials) -> None:
    trials = make_trials({"none": values(80, 81, 82, 83), "both": values(85, 85, 88, 88)})
    asked = [replace(CELLS[0]), replace(CELLS[1], trial_keys=tuple(f"both-{seed}" for seed in range(5)))]
    _, both = forest_lines(ablate("t", asked, trials, metric=METRIC, baseline="none"), LABELS)
    assert (both.note, isnan(both.p), isnan(both.difference)) == ("provisional", True, False)


def test_a_line_has_its_interval_and_its_words(make_trials: MakeTrials) -> None:
    trials = make_trials({"none": values(80, 81, 82, 83), "both": values(85, 85, 88, 88)})
    lines = forest_lines(ablate("t", CELLS, trials, metric=METRIC, baseline="none"), LABELS)
    drawn = forest_chart(lines, METRIC, {"with FT": "#123456"})
    none, both = drawn.data
    assert both.x[0] - both.error_x.arrayminus[0] == lines[1].low
    assert (both.marker.color, none.marker.symbol, both.marker.symbol) == ("#123456", "diamond-open", "circle")
    words = [note.text for note in drawn.layout.annotations]
    assert words[0] == "baseline"
    assert words[1].startswith("better, p ")
    assert words[1].endswith(", n = 4")


def test_without_pairs_that_is_said(make_trials: MakeTrials) -> None:
    table = ablate("t", CELLS[1:], make_trials({}), metric=METRIC, baseline="both")
    lines = forest_lines(table, {"late": "late"})
    assert forest_chart(lines, METRIC, {}).layout.annotations[0].text == "no two seeds to compare yet"
