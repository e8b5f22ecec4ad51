"""Write a table in every format: CSV for programs, LaTeX for papers, Markdown for people."""

from pathlib import Path

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv
from ftlab.storage.atomic import write_if_changed

__all__ = ["table_csv", "table_md", "table_tex", "trials_csv", "write_table"]

RENDERERS = {"trials.csv": trials_csv, "table.csv": table_csv, "table.tex": table_tex, "table.md": table_md}


def write_table(table: AblationTable, folder: Path) -> list[Path]:
    """Write ``trials.csv``, ``table.csv``, ``table.tex`` and ``table.md``; the same table gives the same bytes.

    Each file is replaced in one step, and only when its content changed.

    Args:
        table: The table.
        folder: Created when missing.

    Returns:
        The four files, written or already up to date.
    """
    paths = []
    for name, renderer in RENDERERS.items():
        path = folder / name
        write_if_changed(path, renderer(table).encode())
        paths.append(path)
    return paths
