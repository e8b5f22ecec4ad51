import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ftlab.reporting.ablation import AblationTable, Cell, ablate
from ftlab.reporting.latex import table_tex

MakeTrials = Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]

MOMENTUM = r"""% Needs \usepackage{booktabs}.
\begin{table}
  \centering
  \caption{How does key momentum change accuracy? Few-shot top-1 (\%). Mean over 1 to 3 seeds with its 95\% Student-t interval; best in bold, second best underlined.}
  \label{tab:momentum}
  \begin{tabular}{rrrrr}
    \toprule
    key momentum & n & few-shot top-1 (\%) & 95\% interval & paper$^\ast$ \\
    \midrule
    0.5 & 2 & 64.0\rlap{$^\dagger$} & [-88.5, 216.5] & collapse \\
    0.9 & 1 & 81.0 & -- & 46.5 \\
    0.99 & 3 & \textbf{88.0} & [85.5, 90.5] & 56.24 \\
    0.999 & 0 & -- & -- & 53.1 \\
    1.0 & 1 & \underline{85.0} & -- & 31.2 \\
    \bottomrule
  \end{tabular}

  \smallskip
  {\footnotesize $^\dagger$ Collapse, counted in the mean: key momentum 0.5 (1 of 3).\par}
"""  # noqa: E501


def test_a_rule_that_gave_seeds_says_why_it_stopped(seeded_table: AblationTable) -> None:
    text = table_tex(seeded_table)
    assert r"\begin{tabular}{rrrrrl}" in text
    assert r"paper$^\ast$ & seeds ended \\" in text
    assert r"56.24 & told by 3 \& no more \\" in text
    assert r"{\footnotesize Seeds by a rule: 5\% \& less.\par}" in text


@pytest.fixture
def awkward_table(make_trials: MakeTrials) -> AblationTable:
    names = ["50% & more", r"a_b \ {c} $d #e ~f ^g <h> |i|", "[1.0, 2.0]", "*"]
    return ablate("a b_c", [Cell(name, {}, (), name) for name in names], make_trials({}), metric="knn/top1")


def test_the_table(momentum_table: AblationTable) -> None:
    text = table_tex(momentum_table)
    assert text.startswith(MOMENTUM)
    assert "{\\footnotesize $^\\ast$ Paper: arXiv 2108.02982" in text
    assert text.endswith("Same protocol: no (ours: digits, 5-shot).\\par}\n\\end{table}\n")


def test_no_mark_where_the_protocol_is_the_same(components_table: AblationTable) -> None:
    text = table_tex(components_table)
    assert "\\begin{tabular}{lllrrrr}" in text
    assert "95\\% interval & paper \\\\" in text
    assert "{\\footnotesize Paper: arXiv 2108.02982, Table 7" in text


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
    for table, columns in ((momentum_table, 5), (components_table, 7), (empty_table, 4)):
        text = table_tex(table)
        body = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert {line.count("&") for line in body} == {columns - 1}
        assert text.count("{") == text.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.slow
def test_it_compiles(tmp_path: Path, momentum_table: AblationTable, awkward_table: AblationTable) -> None:
    tables = table_tex(momentum_table) + table_tex(awkward_table)
    document = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{tables}\\end{{document}}\n"
    (tmp_path / "document.tex").write_text(document)
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"], cwd=tmp_path, check=True, timeout=60
    )
