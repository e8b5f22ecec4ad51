"""A table and the files that it was written to, for a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markdown import Markdown

from ftlab.terminal.console import console, say

if TYPE_CHECKING:
    from ftlab.reporting.table.ablation import AblationTable


def print_table(made: "AblationTable", folder: Path, paths: Sequence[Path]) -> None:
    """Print a table, and the names of the files that it was written to."""
    from ftlab.reporting.writers.markdown import table_md

    console.print(Markdown(table_md(made)))
    names = dict.fromkeys(path.name if path.parent == folder else f"{path.parent.name}/" for path in paths)
    say(f"{folder}: {', '.join(names)}")
