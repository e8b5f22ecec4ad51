import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.writers.latex_full import full_tex

MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]

# All that LaTeX says about boxes that do not fit, and about what it does not understand.
COMPLAINTS = re.compile(r"Warning|Overfull|Underfull|^!", re.MULTILINE)
DOCUMENT = r"\documentclass{article}\usepackage{booktabs,siunitx,graphicx}\begin{document}"


def has_latex() -> bool:
    """Return whether pdflatex is installed with the packages that tables need."""
    packages = ["booktabs.sty", "siunitx.sty", "graphicx.sty"]
    return (
        bool(shutil.which("pdflatex"))
        and subprocess.run(["kpsewhich", *packages], capture_output=True, check=False).returncode == 0
    )


needs_latex = pytest.mark.skipif(
    not has_latex(), reason="pdflatex with booktabs, siunitx and graphicx is not installed"
)


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable) -> None:
    text = full_tex(seeded_table)
    assert "{seeds ended}" in text
    assert r"& told by 3 \& no more" in text
    assert "\n    Seeds by a rule: 5\\% \\& less.\n" in text


@pytest.fixture
def awkward_table(make_trials: MakeTrials) -> AblationTable:
    names = ["50% & more", r"a_b \ {c} $d #e ~f ^g <h> |i|", "[1.0, 2.0]", "*"]
    return ablate("a b_c", [Cell(name, {}, (), name) for name in names], make_trials({}), metric="knn/top1")


def test_no_mark_where_the_protocol_is_the_same(components_table: AblationTable) -> None:
    text = full_tex(components_table)
    assert "& {paper}" in text
    assert "\n    Paper: arXiv 2108.02982, Table 7" in text


def test_settings_of_many_columns_move_to_a_note(make_study_table: Callable[[str], AblationTable]) -> None:
    text = full_tex(make_study_table("components"))
    assert "\\begin{tabular}{l S" in text
    assert "\n    Cells: none; positives (positives extrapolate); negatives (negatives interpolate); both (" in text


def test_rows_that_only_settings_tell_apart_keep_all_columns(make_study_table: Callable[[str], AblationTable]) -> None:
    text = full_tex(make_study_table("lambda_ex"))
    rows = [line.split(" & ")[:4] for line in map(str.strip, text.splitlines()) if line.startswith("interpolate & ")]
    assert [(alpha, granularity) for _, alpha, _, granularity in rows] == [
        ("0.2", "batch"),
        ("0.2", "element"),
        ("2.0", "batch"),
        ("2.0", "element"),
    ]


def test_two_axes_give_a_two_way_table(two_way_table: AblationTable) -> None:
    text = full_tex(two_way_table)
    assert r"\begin{tabular}{l S[table-format=+2.1] S[table-format=+2.1]}" in text
    assert "{alpha extrapolation} & {interpolate} & {extrapolate} \\\\" in text
    assert r"0.6 & 85.1 & \bfseries 89.0 \\" in text
    assert r"& {\scriptsize $p$ 0.002, better} & {\scriptsize $p$ \textless{}0.001, better} \\" in text


def test_special_characters_are_escaped(awkward_table: AblationTable) -> None:
    text = full_tex(awkward_table)
    assert "50\\% \\& more & 0" in text
    assert (
        "a\\_b \\textbackslash{} \\{c\\} \\$d \\#e \\textasciitilde{}f \\textasciicircum{}g "
        "\\textless{}h\\textgreater{} \\textbar{}i\\textbar{} & 0"
    ) in text
    assert "\\label{tab:a-b-c}" in text


def test_a_row_cannot_be_read_as_an_argument_of_the_line_before(awkward_table: AblationTable) -> None:
    lines = [line.strip() for line in full_tex(awkward_table).splitlines()]
    assert any(line.startswith("{}[1.0, 2.0] & 0") for line in lines)
    assert any(line.startswith("{}* & 0") for line in lines)


def test_braces_and_columns_match(
    momentum_table: AblationTable, components_table: AblationTable, empty_table: AblationTable
) -> None:
    for table in (momentum_table, components_table, empty_table):
        text, printed = full_tex(table), lay_out(table)
        columns = len(printed.label_headings) + len(printed.columns)
        body = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert {line.count(" & ") for line in body} == {columns - 1}
        assert text.count("{") == text.count("}")


@needs_latex
@pytest.mark.slow
def test_every_experiment_compiles_without_a_complaint(
    tmp_path: Path,
    make_study_table: Callable[[str], AblationTable],
    two_way_table: AblationTable,
    methods_table: AblationTable,
    awkward_table: AblationTable,
) -> None:
    names = ("components", "ft_start", "lambda_ex", "lambda_in", "momentum", "queue")
    tables = [*(make_study_table(name) for name in names), two_way_table, methods_table, awkward_table]
    text = "\n".join(full_tex(table) for table in tables)
    (tmp_path / "document.tex").write_text(f"{DOCUMENT}\n{text}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    for _ in range(2):
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert COMPLAINTS.findall((tmp_path / "document.log").read_text(errors="replace")) == []
