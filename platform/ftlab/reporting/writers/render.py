"""Write a table in every format: CSV for programs, LaTeX for papers, Markdown for people."""

from pathlib import Path

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv
from ftlab.reporting.writers.tex_style import TexStyle
from ftlab.storage.atomic import write_if_changed

__all__ = ["render_table", "table_csv", "table_md", "table_tex", "trials_csv", "write_table"]

RENDERERS = {"trials.csv": trials_csv, "table.csv": table_csv, "table.tex": table_tex, "table.md": table_md}


def render_table(table: AblationTable, style: TexStyle = "compact") -> dict[str, str]:
    """Return the table in every format, by the name of the file; the same table gives the same texts.

    Args:
        table: The table.
        style: Style of ``table.tex``.
    """
    return {
        name: table_tex(table, style) if renderer is table_tex else renderer(table)
        for name, renderer in RENDERERS.items()
    }


def write_table(table: AblationTable, folder: Path, style: TexStyle = "compact") -> list[Path]:
    """Write ``trials.csv``, ``table.csv``, ``table.tex`` and ``table.md``; the same table gives the same bytes.

    Each file is replaced in one step, and only when its content changed.

    Args:
        table: The table.
        folder: Created when missing.
        style: Style of ``table.tex``.

    Returns:
        The four files, written or already up to date.
    """
    paths = []
    for name, text in render_table(table, style).items():
        path = folder / name
        write_if_changed(path, text.encode())
        paths.append(path)
    return paths
