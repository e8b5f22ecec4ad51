"""Read the folder of a table: its files and its provenance."""

from collections.abc import Iterable, Sequence
from os.path import realpath
from pathlib import Path

from ftlab.errors import ResultsError, nearest
from ftlab.reporting.trace.provenance import PROVENANCE_FILE, REWRITE, Provenance, parse_provenance
from ftlab.reporting.trace.task_provenance import TASKS_FILE
from ftlab.reporting.writers.render import RENDERERS

TABLE_FILE = "table.csv"
# Of these a folder of tables has one at least.
MARKS = (TABLE_FILE, PROVENANCE_FILE, TASKS_FILE)


def load_provenance(folder: Path) -> Provenance:
    """Load the provenance of a folder's table.

    Raises:
        ResultsError: There is none, or it was edited.
    """
    path = folder / PROVENANCE_FILE
    if not path.is_file():
        raise ResultsError(f"a table must lie beside its provenance, but there is no {path}; {REWRITE}")
    return parse_provenance(path.read_bytes().decode(errors="replace"), str(path))


def read_table_files(folder: Path) -> dict[str, str]:
    """Return the content of the table's existing files, by name."""
    # Universal newlines would hide an editor's changes to the ends of lines.
    return {
        name: (folder / name).read_bytes().decode(errors="replace") for name in RENDERERS if (folder / name).is_file()
    }


def read_drawn_files(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of a table's existing report and figures, by path below its folder."""
    # The provenance is sealed by a digest of its own alone: it must not lead elsewhere.
    # realpath, because Path.resolve raises for a link that leads to itself.
    inside = [name for name in names if Path(realpath(folder / name)).is_relative_to(realpath(folder))]
    return {name: (folder / name).read_bytes() for name in inside if (folder / name).is_file()}


def has_table(folder: Path) -> bool:
    """Return whether a folder has the table of a study, or what is left of it; it may have one over tasks alone."""
    return any((folder / name).is_file() for name in (TABLE_FILE, PROVENANCE_FILE))


def table_folder(path: Path) -> Path:
    """Return the folder of a table from its path, or from the path of a file in it.

    Raises:
        ResultsError: It holds no table; the folders nearby that do are named.
    """
    folder = path.parent if path.is_file() else path
    if not any((folder / name).is_file() for name in MARKS):
        known = [str(found) for found in table_folders([_existing(folder)])]
        raise ResultsError(f"results must be the folder of a table, but got {path}.{nearest(str(path), known)}")
    return folder


def table_folders(roots: Sequence[Path]) -> list[Path]:
    """Return the folders of tables at and below some folders, in order."""
    files = (path for root in roots for name in MARKS for path in root.rglob(name))
    return sorted({path.parent for path in files})


def _existing(folder: Path) -> Path:
    return next((parent for parent in (folder, *folder.parents) if parent.is_dir()), folder)
