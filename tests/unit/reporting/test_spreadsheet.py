import csv
from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest

from ftlab.reporting.ablation import AblationTable, Cell, ablate
from ftlab.reporting.spreadsheet import table_csv, trials_csv

METRIC = "probe/few_shot_top1"
MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]

TABLE = """\
cell,method.key_momentum,n,n_collapsed,n_failed,n_missing,mean,std,ci_low,ci_high,iqm,\
n_pairs,difference,difference_ci_low,difference_ci_high,hedges_gz,p,p_wilcoxon,p_permutation,p_holm,\
published,same_protocol,comparability
key_momentum=0.5,0.5,2,1,0,1,64.0,16.97056274847714,{0.ci_low!r},{0.ci_high!r},64.0,2,-23.5,\
{2.ci_low!r},{2.ci_high!r},,,,,,collapse,no,
key_momentum=0.9,0.9,1,0,0,2,81.0,,,,81.0,1,-6.0,,,,,,,,46.5,no,
key_momentum=0.99,0.99,3,0,0,0,88.0,1.0,{1.ci_low!r},{1.ci_high!r},88.0,,,,,,,,,,56.24,no,
key_momentum=0.999,0.999,0,0,0,3,,,,,,0,,,,,,,,,53.1,no,
key_momentum=1.0,1.0,1,0,1,1,85.0,,,,85.0,1,-3.0,,,,,,,,31.2,no,
"""

TRIALS = """\
trial_key,seed,status,cell,method.key_momentum,knn/top1,probe/few_shot_top1,mlflow_run_id
0.5-0,0,collapsed,key_momentum=0.5,0.5,17.333333333333332,52.0,run-0.5-0
0.5-1,1,finished,key_momentum=0.5,0.5,25.333333333333332,76.0,run-0.5-1
0.9-0,0,finished,key_momentum=0.9,0.9,27.0,81.0,run-0.9-0
0.99-0,0,finished,key_momentum=0.99,0.99,29.0,87.0,run-0.99-0
0.99-1,1,finished,key_momentum=0.99,0.99,29.333333333333332,88.0,run-0.99-1
0.99-2,2,finished,key_momentum=0.99,0.99,29.666666666666668,89.0,run-0.99-2
1.0-0,0,failed,key_momentum=1.0,1.0,,,run-1.0-0
1.0-1,1,finished,key_momentum=1.0,1.0,28.333333333333332,85.0,run-1.0-1
"""


def test_a_row_a_cell(momentum_table: AblationTable) -> None:
    summaries = [row.summary for row in momentum_table.rows if row.summary.n > 1]
    comparison = momentum_table.rows[0].comparison
    assert comparison is not None
    assert table_csv(momentum_table) == TABLE.format(*summaries, comparison.difference)


def test_comparisons_read_back_bit_for_bit(two_way_table: AblationTable) -> None:
    lines = list(csv.DictReader(StringIO(table_csv(two_way_table))))
    found = two_way_table.rows[2].comparison
    assert found is not None
    expected = [found.difference.mean, found.effect_size, found.p, found.p_wilcoxon, found.p_permutation, found.p_holm]
    names = ["difference", "hedges_gz", "p", "p_wilcoxon", "p_permutation", "p_holm"]
    assert [float(lines[2][name]) for name in names] == expected


def test_what_is_not_comparable_is_named(differing_table: AblationTable) -> None:
    lines = list(csv.DictReader(StringIO(table_csv(differing_table))))
    assert [line["comparability"] for line in lines] == [
        "",
        "epochs 50 against 100",
        "torch 2.14.0 and 2.15.0 against 2.15.0",
    ]


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable, momentum_table: AblationTable) -> None:
    plain, seeded = (table_csv(table).splitlines() for table in (momentum_table, seeded_table))
    assert seeded[0] == f"{plain[0]},stopped"
    assert seeded[1] == f"{plain[1]},told by 2 & no more"
    assert trials_csv(seeded_table) == trials_csv(momentum_table)


def test_a_row_a_trial(momentum_table: AblationTable) -> None:
    assert trials_csv(momentum_table) == TRIALS


def test_an_empty_store_gives_headers(empty_table: AblationTable) -> None:
    assert trials_csv(empty_table) == "trial_key,seed,status,cell,method.key_momentum,mlflow_run_id\n"
    assert f"key_momentum=0.5,0.5,0,0,0,3{',' * 17}\n" in table_csv(empty_table)


def test_floats_read_back_bit_for_bit(make_trials: MakeTrials) -> None:
    values = [0.1 + 0.2, 88.1 / 3, 1e-17, 1 / 3]
    trials = make_trials({"x": [("finished", value) for value in values]})
    text = trials_csv(ablate("t", [Cell("x", {}, (), "x")], trials, metric=METRIC))
    assert [float(line[METRIC]) for line in csv.DictReader(StringIO(text))] == values


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
    assert text.splitlines()[1] == f'x,-0.5,"[1.0, 2.0]",true,,1,0,0,0,-3.0,,,,-3.0{"," * 12}'
