import csv
from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest

from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv

METRIC = "probe/few_shot_top1"
MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_comparisons_read_back_bit_for_bit(two_way_table: AblationTable) -> None:
    lines = rows_of(table_csv(two_way_table))
    found = two_way_table.rows[2].comparison
    assert found is not None
    expected = [found.difference.mean, found.effect_size, found.p, found.p_single, found.p_pooled, found.p_holm]
    names = ["difference", "hedges_gz", "p", "p_single", "p_pooled", "p_holm"]
    assert [float(lines[2][name]) for name in names] == expected


def test_what_is_not_comparable_is_named(differing_table: AblationTable) -> None:
    lines = rows_of(table_csv(differing_table))
    assert [line["comparability"] for line in lines] == [
        "",
        "epochs 50 against 100",
        "torch 2.14.0 and 2.15.0 against 2.15.0",
    ]


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable, momentum_table: AblationTable) -> None:
    plain, seeded = (table_csv(table).splitlines() for table in (momentum_table, seeded_table))
    assert seeded[0] == f"{plain[0]},stopped"
    assert seeded[1] == f"{plain[1]},told by 1 & no more"
    assert trials_csv(seeded_table) == trials_csv(momentum_table)


def test_an_empty_store_gives_headers(empty_table: AblationTable) -> None:
    assert trials_csv(empty_table) == (
        "trial_key,seed,status,cell,method.key_momentum,score_margin,score_margin_threshold,backbone_rankme_threshold,"
        "mlflow_run_id\n"
    )
    first = {name: text for name, text in rows_of(table_csv(empty_table))[0].items() if text}
    assert first.pop("cell") == "key_momentum=0.5"
    counts = ("n", "n_collapsed", "n_degenerate", "n_without_value", "n_failed", "n_with_collapsed")
    assert first == {
        "method.key_momentum": "0.5",
        **dict.fromkeys(counts, "0"),
        "n_missing": "3",
        "is_best": "no",
        "is_floor": "no",
    }


def test_floats_read_back_bit_for_bit(make_trials: MakeTrials) -> None:
    values = [0.1 + 0.2, 88.1 / 3, 1e-17, 1 / 3]
    trials = make_trials({"x": [("finished", value) for value in values]})
    text = trials_csv(ablate("t", [Cell("x", {}, (), "x")], trials, metric=METRIC))
    assert [float(line[METRIC]) for line in rows_of(text)] == values


def test_a_metric_of_other_experiments_adds_no_column(momentum_trials: pd.DataFrame) -> None:
    trials = momentum_trials.copy()
    trials.loc[0, "probe/top1"] = 90.0
    table = ablate("t", [Cell("x", {}, (), "0.99")], trials, metric=METRIC)
    assert "probe/top1" not in trials_csv(table).splitlines()[0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_run_as_a_formula(make_trials: MakeTrials, start: str) -> None:
    name = f"{start}cmd()"
    cells = [Cell(name, {"transform.positives": name}, (), "x")]
    text = table_csv(ablate("t", cells, make_trials({}), metric=METRIC))
    line = text.splitlines()[1]
    assert line.split(",")[:2] == [f"'{start}cmd()".replace("\t", " ").replace("\r", " ")] * 2


def test_negative_numbers_stay_numbers(make_trials: MakeTrials) -> None:
    cells = [Cell("x", {"a": -0.5, "b": (1.0, 2.0), "c": True, "d": None}, (), "x")]
    text = table_csv(ablate("t", cells, make_trials({"x": [("finished", -3.0)]}), metric=METRIC))
    (row,) = rows_of(text)
    assert [row[name] for name in ("a", "b", "c", "d", "mean")] == ["-0.5", "[1.0, 2.0]", "true", "", "-3.0"]
