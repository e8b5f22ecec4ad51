"""The parts of a LaTeX table that all its styles share."""

import re
from collections.abc import Iterable, Sequence

from ftlab.reporting.writers.latex_numbers import escape_tex


def tabular(preamble: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return the lines of a tabular with ``booktabs`` rules above and below.

    Args:
        preamble: Specification of each column.
        lines: Lines of the table, see `line`.
    """
    head = [f"\\begin{{tabular}}{{{' '.join(preamble)}}}", r"  \toprule"]
    return [*head, *(f"  {line}" for line in lines), r"  \bottomrule", r"\end{tabular}"]


def words(text: str) -> str:
    """Return a text as a cell, in braces that keep siunitx from reading it as a number."""
    return f"{{{escape_tex(text)}}}" if text else ""


def spanning(columns: int, alignment: str, text: str) -> str:
    """Return a cell over several columns."""
    return rf"\multicolumn{{{columns}}}{{{alignment}}}{{{text}}}"


def rule(first: int, last: int) -> str:
    """Return a rule below a group of columns, which count from 1."""
    return rf"\cmidrule(lr){{{first}-{last}}}"


def line(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    texts = list(cells)
    # A bracket or a star that opens a row would be read as an argument of the line break before it.
    return ("{}" if texts[0].startswith(("[", "*")) else "") + " & ".join(texts) + r" \\"


def notes_below(notes: Iterable[str]) -> list[str]:
    """Return the lines of notes below a tabular, a paragraph each; none without notes.

    Args:
        notes: The notes in LaTeX.
    """
    lines = [f"    {note}" for note in notes]
    if not lines:
        return []
    return [
        "",
        r"  \smallskip",
        r"  \begin{minipage}{\linewidth}",
        r"    \footnotesize\raggedright",
        *lines,
        r"  \end{minipage}",
    ]


def label_tex(name: str) -> str:
    """Return the line of the label of a table, ``tab:<name>``."""
    return f"  \\label{{tab:{re.sub('[^A-Za-z0-9:.-]', '-', name)}}}"


def sentence(text: str) -> str:
    """Return a text that ends with a full stop, or as it ends already.

    >>> sentence("few-shot top-1 (%)"), sentence("Which helps?")
    ('few-shot top-1 (%).', 'Which helps?')
    """
    return text if text.rstrip().endswith((".", "?", "!")) else f"{text}."
