import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ftlab.reporting.ablation import AblationTable, Cell, ablate
from ftlab.reporting.latex import table_tex

MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]

MOMENTUM = r"""% Needs \usepackage{booktabs,siunitx,graphicx}.
\begin{table}
  \centering
  \caption{How does key momentum change accuracy? Few-shot top-1 (\%). Mean over 1 to 3 seeds with its 95\% Student-t interval; best in bold, second best underlined.}
  \label{tab:momentum}
  \smallskip
  \small
  \setlength{\tabcolsep}{4pt}
  \sisetup{detect-weight, retain-explicit-plus}
  \sbox0{%
    \begin{tabular}{S[table-format=1.3] S[table-format=1] S[table-format=2.1] r S[table-format=-2.1] r S[table-format=2.2]}
      \toprule
      {key} &  & \multicolumn{2}{c}{few-shot top-1 (\%)} & \multicolumn{2}{c}{difference to the baseline} &  \\
      \cmidrule(lr){3-4}\cmidrule(lr){5-6}
      {momentum} & {n} & {mean} & {95\% interval} & {mean} & {95\% interval} & {paper$^\S$} \\
      \midrule
      0.5 & 2 & 64.0{\rlap{$^\dagger$}} & $[-88.5, 216.5]$ & -23.5 & $[-169.6, +122.6]$ & {collapse} \\
      0.9 & 1 & 81.0 & -- & -6.0 & -- & 46.5 \\
      0.99 & 3 & \bfseries 88.0 & $[85.5, 90.5]$ & {baseline} & -- & 56.24 \\
      0.999 & 0 & {--} & -- & {--} & -- & 53.1 \\
      1.0 & 1 & {\underline{85.0}} & -- & -3.0 & -- & 31.2 \\
      \bottomrule
    \end{tabular}
  }
  \ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi

  \smallskip
  \begin{minipage}{\linewidth}
    \footnotesize\raggedright
    $^\dagger$ Collapse, counted in the mean: key momentum 0.5 (1 of 3).
    $^\S$ Paper: arXiv 2108.02982"""  # noqa: E501

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
    text = table_tex(seeded_table)
    assert "S[table-format=2.2] l}" in text
    assert r"{paper$^\S$} & {seeds ended} \\" in text
    assert r"56.24 & told by 3 \& no more \\" in text
    assert "\n    Seeds by a rule: 5\\% \\& less.\n" in text


@pytest.fixture
def awkward_table(make_trials: MakeTrials) -> AblationTable:
    names = ["50% & more", r"a_b \ {c} $d #e ~f ^g <h> |i|", "[1.0, 2.0]", "*"]
    return ablate("a b_c", [Cell(name, {}, (), name) for name in names], make_trials({}), metric="knn/top1")


def test_the_table(momentum_table: AblationTable) -> None:
    text = table_tex(momentum_table)
    assert text.startswith(MOMENTUM)
    assert "Same protocol: no (ours: digits, 5-shot).\n    Baseline: key momentum 0.99." in text
    assert text.endswith("  \\end{minipage}\n\\end{table}\n")


def test_no_mark_where_the_protocol_is_the_same(components_table: AblationTable) -> None:
    text = table_tex(components_table)
    assert "\\begin{tabular}{l l l S[table-format=1] S[table-format=2.1] r S[table-format=+1.1] r S" in text
    assert "{95\\% interval} & {paper} \\\\" in text
    assert "\n    Paper: arXiv 2108.02982, Table 7" in text


def test_settings_of_many_columns_move_to_a_note(make_study_table: Callable[[str], AblationTable]) -> None:
    text = table_tex(make_study_table("components"))
    assert "\\begin{tabular}{l S" in text
    assert "\n    Cells: none; positives (positives extrapolate); negatives (negatives interpolate); both (" in text


def test_two_axes_give_a_two_way_table(two_way_table: AblationTable) -> None:
    lines = [line.strip() for line in table_tex(two_way_table).splitlines()]
    start = lines.index(r"\begin{tabular}{l S[table-format=+2.1] S[table-format=+2.1]}")
    assert lines[start + 2 : start + 12] == [
        r"& \multicolumn{2}{c}{positives} \\",
        r"\cmidrule(lr){2-3}",
        r"{alpha extrapolation} & {interpolate} & {extrapolate} \\",
        r"\midrule",
        r"\multicolumn{3}{l}{\emph{few-shot top-1 (\%)}} \\",
        r"0.2 & 85.0 & 88.0 \\",
        r"& {\scriptsize $[82.5, 87.5]$} & {\scriptsize $[86.8, 89.2]$} \\",
        r"0.6 & 85.1 & {\phantom{$+$}\underline{89.0}} \\",
        r"& {\scriptsize $[82.4, 87.8]$} & {\scriptsize $[86.5, 91.5]$} \\",
        r"2.0 & 86.0 & \bfseries 90.0 \\",
    ]


def test_special_characters_are_escaped(awkward_table: AblationTable) -> None:
    text = table_tex(awkward_table)
    assert "50\\% \\& more & 0" in text
    assert (
        "a\\_b \\textbackslash{} \\{c\\} \\$d \\#e \\textasciitilde{}f \\textasciicircum{}g "
        "\\textless{}h\\textgreater{} \\textbar{}i\\textbar{} & 0"
    ) in text
    assert "\\label{tab:a-b-c}" in text


def test_a_row_cannot_be_read_as_an_argument_of_the_line_before(awkward_table: AblationTable) -> None:
    lines = [line.strip() for line in table_tex(awkward_table).splitlines()]
    assert any(line.startswith("{}[1.0, 2.0] & 0") for line in lines)
    assert any(line.startswith("{}* & 0") for line in lines)


def test_braces_and_columns_match(
    momentum_table: AblationTable, components_table: AblationTable, empty_table: AblationTable
) -> None:
    for table, columns in ((momentum_table, 7), (components_table, 9), (empty_table, 4)):
        text = table_tex(table)
        body = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert {line.count(" & ") for line in body} == {columns - 1}
        assert text.count("{") == text.count("}")


@needs_latex
@pytest.mark.slow
def test_every_experiment_compiles_without_a_complaint(
    tmp_path: Path,
    make_study_table: Callable[[str], AblationTable],
    two_way_table: AblationTable,
    awkward_table: AblationTable,
) -> None:
    names = ("components", "ft_start", "lambda_ex", "lambda_in", "momentum", "queue")
    tables = [*(make_study_table(name) for name in names), two_way_table, awkward_table]
    text = "\n".join(table_tex(table) for table in tables)
    (tmp_path / "document.tex").write_text(f"{DOCUMENT}\n{text}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    for _ in range(2):
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert COMPLAINTS.findall((tmp_path / "document.log").read_text(errors="replace")) == []


@needs_latex
@pytest.mark.slow
def test_the_table_of_momentum_fits_the_text(tmp_path: Path, make_study_table: Callable[[str], AblationTable]) -> None:
    text = table_tex(make_study_table("momentum")).replace(r"\resizebox", r"\errmessage{wide}\resizebox")
    (tmp_path / "document.tex").write_text(f"{DOCUMENT}\n{text}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, capture_output=True)
