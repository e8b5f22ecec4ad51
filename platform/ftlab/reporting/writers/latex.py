r"""The table in LaTeX; ``compact`` and ``wide`` need ``\usepackage{booktabs,siunitx}``, ``full`` graphicx as well."""

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.latex_compact import compact_tex
from ftlab.reporting.writers.latex_full import full_tex
from ftlab.reporting.writers.tex_style import TexStyle


def table_tex(table: AblationTable, style: TexStyle = "compact") -> str:
    """Return the table as a LaTeX float with ``booktabs`` rules, a caption and the label ``tab:<name>``.

    Numbers are aligned by siunitx.

    Args:
        table: The table.
        style: ``compact`` for one column of a paper, ``wide`` for the same over both of its columns, ``full`` for an
            appendix, with every column and every note.
    """
    return full_tex(table) if style == "full" else compact_tex(table, is_wide=style == "wide")
