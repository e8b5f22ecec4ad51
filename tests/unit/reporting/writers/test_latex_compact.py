import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.statistics import Summary
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.latex_compact import COLUMN_WIDTH

# Columns of ICCV and IEEEtran, and the text of NeurIPS, in the fonts that make text widest.
DOCUMENTS = {
    "iccv": r"\documentclass[10pt,twocolumn]{article}\setlength{\textwidth}{6.875in}\setlength{\columnsep}{0.3125in}",
    "neurips": r"\documentclass[10pt]{article}\setlength{\textwidth}{5.5in}",
    "ieee": r"\documentclass[10pt,journal]{IEEEtran}",
}
SHIPPED = ("components", "ft_start", "lambda_ex", "lambda_in", "momentum", "queue")
COMPLAINTS = re.compile(r"Overfull.*|^!.*", re.MULTILINE)


def body(text: str) -> list[str]:
    """Return the lines of the tabular between its outer rules."""
    return [line.strip() for line in text.partition(r"\toprule")[2].partition(r"\bottomrule")[0].splitlines()]


def test_a_mean_has_half_its_interval_and_a_difference_a_star(two_way_table: AblationTable) -> None:
    lines = body(table_tex(two_way_table))
    assert r"0.6 & 85.1 & $\,\pm\,1.1$ & \bfseries 89.0 & $\,\pm\,1.0$ \\" in lines
    assert r"0.6 & +0.1 & $\,\pm\,0.2$ & +4.0 & $\,\pm\,0.2$$^\ast$ \\" in lines


def test_an_interval_that_is_cut_shows_both_ends(momentum_table: AblationTable) -> None:
    row = momentum_table.rows[2]
    cut = replace(row, summary=Summary(3, 98.0, 1.0, 95.0, 100.0))
    table = replace(momentum_table, rows=(*momentum_table.rows[:2], cut, *momentum_table.rows[3:]))
    assert r"0.99 & 98.0 & $\,[95.0, 100.0]$ & \multicolumn{2}{c}{baseline} \\" in body(table_tex(table))


def test_a_row_without_a_value_or_an_interval(momentum_table: AblationTable) -> None:
    lines = body(table_tex(momentum_table))
    assert r"0.5 & 76.0 & $^\dagger$ & -12.0 &  \\" in lines
    assert r"0.999 & \multicolumn{2}{c}{--} & \multicolumn{2}{c}{--} \\" in lines


def test_the_caption_is_a_statement_or_else_the_question(two_way_table: AblationTable) -> None:
    about = (
        r"Few-shot top-1 (\%): mean over 5 seeds with its 95\% Student-t interval; in bold the rows that no complete "
        r"row beats. Differences are paired by seed, with 95\% intervals corrected for 5 comparisons.}"
    )
    assert rf"\caption{{Which mixing, and how strong? {about}" in table_tex(two_way_table)
    stated = replace(two_way_table, caption="Extrapolation, at 50% & more")
    assert rf"\caption{{Extrapolation, at 50\% \& more. {about}" in table_tex(stated)


def test_a_caption_promises_no_interval_of_a_single_seed(two_way_table: AblationTable) -> None:
    rows = tuple(replace(row, summary=Summary(1, 80.0, nan, nan, nan), is_best=False) for row in two_way_table.rows)
    text = table_tex(replace(two_way_table, rows=rows))
    assert "mean over 1 seed, too few for an interval. Differences" in text


def test_notes_explain_what_is_there_and_nothing_else(
    two_way_table: AblationTable, momentum_table: AblationTable
) -> None:
    starred = table_tex(two_way_table)
    assert "$^\\ast$~Told from the baseline: p \\textless{} 0.05, paired t test, corrected alike.\n" in starred
    assert "Paper" not in starred
    text = table_tex(momentum_table)
    assert "$^\\dagger$~Collapsed, not in the mean" in text
    assert "Not finished yet: key momentum 0.5 (1 of 3)" in text
    assert "ast" not in text
    assert "dagger$ Not" not in text


def test_a_table_without_any_note_ends_with_the_tabular(components_table: AblationTable) -> None:
    text = table_tex(components_table)
    assert "minipage" not in text
    assert text.endswith("  \\end{tabular}\n\\end{table}\n")


def test_names_stand_without_underscores_and_settings(components_table: AblationTable) -> None:
    lines = body(table_tex(components_table))
    assert any(line.startswith("both per element & 92.2 & ") for line in lines)
    assert "granularity" not in " ".join(lines)


def test_published_values_stand_beside_those_of_the_same_protocol_alone(
    components_table: AblationTable, momentum_table: AblationTable
) -> None:
    assert r"{paper} \\" in table_tex(components_table)
    assert "{paper}" not in table_tex(momentum_table)


def test_a_wide_table_takes_both_columns(
    momentum_table: AblationTable, make_study_table: Callable[[str], AblationTable]
) -> None:
    assert r"\begin{table}" in table_tex(momentum_table)
    assert table_tex(momentum_table, "wide").replace("table*", "table") == table_tex(momentum_table)
    assert r"\begin{table*}" in table_tex(make_study_table("lambda_ex"))  # four columns of labels


def test_the_full_style_has_every_column(momentum_table: AblationTable) -> None:
    text = table_tex(momentum_table, "full")
    assert "95\\% interval" in text
    assert "{paper$^\\S$}" in text
    assert r"\resizebox" in text
    assert r"\resizebox" not in table_tex(momentum_table)


def test_the_rule_that_gave_seeds_is_named(seeded_table: AblationTable) -> None:
    text = table_tex(seeded_table)
    assert "repeated confidence intervals of the rule" in text
    assert "\n    Seeds by a rule: 5\\% \\& less.\n" in text


def test_every_line_has_the_same_columns(
    momentum_table: AblationTable, components_table: AblationTable, methods_table: AblationTable
) -> None:
    for table in (momentum_table, components_table, methods_table):
        text = table_tex(table)
        lines = [line for line in body(text) if line.endswith(r"\\") and "emph" not in line]
        spans = [sum(int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", line)) for line in lines]
        assert len({line.count("&") + span for line, span in zip(lines, spans, strict=True)}) == 1
        assert text.count("{") == text.count("}")


def test_an_undefined_mean_has_no_spread(momentum_table: AblationTable) -> None:
    row = replace(momentum_table.rows[2], summary=Summary(1, 80.0, nan, nan, nan))
    assert r"0.99 & 80.0 &  \\" in table_tex(replace(momentum_table, rows=(row,)))


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
@pytest.mark.slow
@pytest.mark.parametrize("layout", DOCUMENTS)
def test_tables_fit_the_columns_of_papers_without_shrinking(
    layout: str,
    tmp_path: Path,
    make_study_table: Callable[[str], AblationTable],
    two_way_table: AblationTable,
    methods_table: AblationTable,
) -> None:
    tables = [*map(make_study_table, SHIPPED), two_way_table, methods_table]
    text = "\n".join(table_tex(table) for table in tables)
    assert "resizebox" not in text
    (tmp_path / "paper.tex").write_text(
        f"{DOCUMENTS[layout]}\\usepackage{{booktabs,siunitx}}\n\\begin{{document}}\n{text}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert COMPLAINTS.findall((tmp_path / "paper.log").read_text(errors="replace")) == []


def test_a_column_is_no_wider_than_that_of_iccv(momentum_table: AblationTable) -> None:
    assert COLUMN_WIDTH <= (6.875 - 0.3125) / 2 * 72.27
    assert lay_out(momentum_table).label_headings == ("key momentum",)
