"""A table of methods and parts of FT, two of whose combinations there are not."""

import csv
from io import StringIO

from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.html import table_html
from ftlab.reporting.writers.latex_full import full_tex
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv


def test_methods_go_down_and_parts_across(methods_table: AblationTable) -> None:
    printed = lay_out(methods_table)
    assert printed.two_way is not None
    assert (printed.two_way.down_heading, printed.two_way.across_heading) == ("method", "FT")
    assert printed.two_way.across == ("none", "positives", "negatives")
    rows = dict(printed.grid())
    assert [row and row.cell for row in rows["SimSiam"]] == [
        "method=SimSiam FT=none",
        "method=SimSiam FT=positives",
        None,
    ]


def test_each_method_is_a_family_of_its_own(methods_table: AblationTable) -> None:
    tests = [row.comparison.tests if row.comparison else 0 for row in methods_table.rows]
    assert tests == [0, 2, 2, 0, 2, 2, 0, 1]
    [note] = [note for note in lay_out(methods_table).notes if note.startswith("Baseline")]
    assert note.startswith("Baseline of each method, with tests of its own: FT none. ")
    assert "corrected for 2 and 1 comparisons" in note
    assert "5 seeds find differences of 0.65 to 1.7 points with 80% power." in note


def test_a_hole_is_empty_in_every_format(methods_table: AblationTable) -> None:
    assert "| SimSiam | 92.0 [91.2, 92.9] | 92.5 [91.7, 93.3] |  |" in table_md(methods_table)
    tex = full_tex(methods_table)
    assert "      SimSiam & 92.0 & 92.5 &  \\\\\n" in tex
    assert "      SimSiam & 77.1 & 77.8 &  \\\\\n" in tex
    assert '<span class="interval">[91.7, 93.3]</span></td><td></td></tr>' in table_html(methods_table)
    lines = list(csv.DictReader(StringIO(table_csv(methods_table))))
    assert [(line["method"], line["FT"]) for line in lines if line["method"] == "SimSiam"] == [
        ("SimSiam", "none"),
        ("SimSiam", "positives"),
    ]
    assert "Left empty: combinations that the experiment does not have." in lay_out(methods_table).notes


def test_remarks_on_published_numbers_stand_in_the_note(methods_table: AblationTable) -> None:
    [note] = [note for note in lay_out(methods_table).notes if "Paper: " in note]
    assert note.endswith(
        "Same protocol: no (ours: digits, 5-shot). FT of MoCo and InfoMin: as in the authors' code; "
        "FT of SimCLR, SwAV and SimSiam: by our definition, as the paper's is not public."
    )


def test_words_in_place_of_a_number_are_no_remark(momentum_table: AblationTable) -> None:
    [note] = [note for note in lay_out(momentum_table).notes if "Paper: " in note]
    assert "collapse" not in note
