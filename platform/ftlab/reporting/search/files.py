"""Write the results of a search in every format."""

from pathlib import Path

from ftlab.reporting.search.findings import SearchReport
from ftlab.reporting.search.tables import importance_csv, importance_md, pareto_csv, search_md, search_trials_csv
from ftlab.storage.atomic import write_if_changed


def write_search(report: SearchReport, folder: Path) -> list[Path]:
    """Write the tables and figures of a search below ``folder``; files whose content stays the same are left alone.

    Returns:
        The files, written or already up to date.
    """
    # matplotlib takes half a second to import.
    from ftlab.reporting.search.drawing import draw_front, draw_history, draw_importance

    importance = "\n\n".join(importance_md(importance) for importance in report.importance) + "\n"
    texts = {
        "search.md": search_md(report),
        "trials.csv": search_trials_csv(report),
        "importance.csv": importance_csv(report),
        "importance.md": importance,
    }
    figures = {"importance": draw_importance(report), "history": draw_history(report)}
    if report.has_cost:
        texts["pareto.csv"] = pareto_csv(report)
        figures["pareto"] = draw_front(report)
    contents = {name: text.encode() for name, text in texts.items()}
    contents |= {f"{name}.{end}": content for name, ends in figures.items() for end, content in ends.items()}
    for name, content in contents.items():
        write_if_changed(folder / name, content)
    return [folder / name for name in contents]
