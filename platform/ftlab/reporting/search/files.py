"""Write the results of a search in every format."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ftlab.reporting.figures.drawn_from import drawn_from
from ftlab.reporting.print.figure_files import ENDINGS
from ftlab.reporting.search.findings import SearchReport
from ftlab.reporting.search.tables import importance_csv, importance_md, pareto_csv, search_md, search_trials_csv
from ftlab.storage.atomic import write_if_changed
from ftlab.storage.made_files import MadeFiles
from ftlab.storage.sealed_json import DamagedError, Shape, read_sealed, sealed

DRAWN_FILE = "drawn.json"  # digests that tell whether a figure is still as it was drawn
_DRAWN: Shape = {"contents": {str: str}, "sources": {str: str}}


def write_search(report: SearchReport, folder: Path) -> list[Path]:
    """Write the tables and figures of a search below ``folder``; files whose content stays the same are left alone.

    Figures are not even drawn while what they show, the code that draws them and the files are as they were. Without an
    importance there is no figure of it.

    Returns:
        The files, written or already up to date.
    """
    importance = "\n\n".join(importance_md(importance) for importance in report.importance) + "\n"
    texts = {
        "search.md": search_md(report),
        "trials.csv": search_trials_csv(report),
        "importance.csv": importance_csv(report),
        "importance.md": importance,
    }
    if report.has_cost:
        texts["pareto.csv"] = pareto_csv(report)
    for name, text in texts.items():
        write_if_changed(folder / name, text.encode())
    return [*(folder / name for name in texts), *_write_figures(report, folder)]


def _write_figures(report: SearchReport, folder: Path) -> list[Path]:
    made = _made_before(folder)
    course = replace(report, importance=())
    figures: dict[str, object] = {"history": course}
    if any(importance.shares for importance in report.importance):
        figures["importance"] = report.importance
    if report.has_cost:
        figures["pareto"] = course
    paths = []
    for name, content in figures.items():
        places = [folder / f"{name}.{ending}" for ending in ENDINGS]
        paths += made.make(places, drawn_from((name, content), "search"), _drawing(name, report))
    if "importance" not in figures:
        for ending in ENDINGS:
            (folder / f"importance.{ending}").unlink(missing_ok=True)
    contents = {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}
    write_if_changed(folder / DRAWN_FILE, sealed({"contents": contents, "sources": made.made_from}))
    return [*paths, folder / DRAWN_FILE]


def _drawing(name: str, report: SearchReport) -> Callable[[], list[bytes]]:
    def draw() -> list[bytes]:
        # matplotlib takes half a second to import.
        from ftlab.reporting.search.drawing import draw_front, draw_history, draw_importance

        drawn = {"history": draw_history, "importance": draw_importance, "pareto": draw_front}[name](report)
        return [drawn[ending] for ending in ENDINGS]

    return draw


def _made_before(folder: Path) -> MadeFiles:
    try:
        known, _ = read_sealed((folder / DRAWN_FILE).read_bytes(), _DRAWN)
    except (OSError, DamagedError):
        return MadeFiles(folder)
    return MadeFiles(folder, known["contents"], known["sources"])
