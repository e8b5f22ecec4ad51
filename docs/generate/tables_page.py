"""The reference of results: the files beside a table, and the columns of its CSV files."""

from markdown_text import code, described, page, table

from ftlab.reporting.trace.provenance import PROVENANCE_FILE
from ftlab.reporting.writers.render import RENDERERS
from ftlab.reporting.writers.spreadsheet import (
    COLLAPSE,
    COMPARISON,
    COUNTS,
    HEALTH,
    IMAGES,
    OTHERS,
    OVERALL,
    SPREAD,
    STATISTICS,
)

FILES = {
    "table.md": "the table for people",
    "table.tex": "the table for a paper; it needs `\\usepackage{booktabs,siunitx}`, in full `graphicx` too",
    "table.csv": "the table for programs, with more columns, in full precision",
    "trials.csv": "a row a trial, with its key, metrics and MLflow run",
    "figure.png, figure.pdf": "accuracy against the swept axis, with intervals and seeds; the paper has its own panel",
    "figures/": "score curves, surfaces, distributions, the effect of FT and gradient norms, each as PNG and PDF",
    "report.html": "all of this in a page with interactive figures; it opens from disk without a network",
    PROVENANCE_FILE: "trials, runs, commits and data that the table was computed from; `make explain` and "
    "`make verify` read it",
}
SEARCH_FILES = {
    "search.md": "the best configurations, and how the search went",
    "best.yaml": "the best configuration as an experiment, ready to sweep",
    "trials.csv": "a row a configuration",
    "importance.csv, importance.md": "the importance of each setting (fANOVA)",
    "history.png, importance.png, ...": "both as figures, PNG and PDF",
    "front.csv, front.md, ...": "the Pareto front of accuracy and cost, where cost is an objective",
}
FIRST = {
    "cell": "Name of the row.",
    "(axes)": "A column for each axis, named by its setting: the row's value.",
}
COLUMNS = {
    "n": "Healthy seeds with a value.",
    "n_collapsed": "Seeds that collapsed.",
    "n_degenerate": "Healthy seeds whose scores collapsed and whose features did not.",
    "n_without_value": "Healthy seeds whose value is not a number.",
    "n_failed": "Seeds that failed: no result.",
    "n_missing": "Seeds that the row needs and that have not ended.",
    "mean": "Mean over healthy seeds, in the unit of the metric: accuracy points (%) for an accuracy.",
    "std": "Their standard deviation (n - 1).",
    "ci_low": "Lower end of the 95% interval of the mean.",
    "ci_high": "Upper end.",
    "iqm": "Interquartile mean.",
    "collapse_rate": "Share of collapsed seeds, 0 to 1.",
    "collapse_ci_low": "Lower end of its exact 95% interval.",
    "collapse_ci_high": "Upper end.",
    "n_with_collapsed": "Seeds with a value, collapsed ones among them.",
    "mean_with_collapsed": "Mean over those.",
    "std_with_collapsed": "Their standard deviation.",
    "ci_low_images": "Lower end of the mean's 95% interval over seeds and test images.",
    "ci_high_images": "Upper end.",
    "difference_ci_low_images": "Lower end of the difference's 95% interval over seeds and test images.",
    "difference_ci_high_images": "Upper end.",
    "baseline": "Name of the row's baseline.",
    "n_pairs": "Seeds that are healthy in the row and in its baseline.",
    "difference": "Mean difference over those, row minus baseline.",
    "difference_std": "Its standard deviation.",
    "difference_ci_low": "Lower end of its simultaneous 95% interval.",
    "difference_ci_high": "Upper end.",
    "hedges_gz": "Effect size: the difference by its deviation, without bias.",
    "comparisons": "Rows that p and interval are corrected for.",
    "p": "Paired t test, two-sided, corrected.",
    "outcome": "`better`, `worse`, `collapses k of n`, or empty.",
    "p_single": "p without the correction.",
    "p_holm": "p corrected by Holm's procedure.",
    "p_pooled": "p of the pooled test, Holm's correction.",
    "p_wilcoxon": "Wilcoxon's signed-rank test, exact, not corrected.",
    "p_permutation": "Permutation test, exact, not corrected.",
    "variance_ratio": "Variance of the differences by the sum of both rows' variances: below 1 where pairing helps.",
    "is_best": "`yes` for a row in bold: no complete row beats it.",
    "published": "The published value.",
    "same_protocol": "Whether the published protocol is ours: `yes`, `no`.",
    "comparability": "Facts in which the row's trials differ from the baseline's.",
    "is_floor": "`yes` for a row without training.",
    "stopped": "With `SEEDS=auto`: the reason why the row got no more seeds.",
}
LAST = ("is_best", "published", "same_protocol", "comparability", "is_floor", "stopped")
TRIAL_COLUMNS = {
    "trial_key": "Digest that names the trial.",
    "seed": "Its seed.",
    "status": "`finished`, `degenerate`, `collapsed` or `failed`.",
    "cell": "Row that it belongs to.",
    "(axes)": "As above.",
    "score_margin": "Mean positive minus mean negative score before FT, in the last epoch.",
    "score_margin_threshold": "Below it scores have collapsed.",
    "backbone_rankme_threshold": "Below it features have collapsed too.",
    "projection_std_threshold": "The same for a method without negatives; only where the table has one.",
    "(metrics)": "A column for each [metric](records.md#metrics): its value in the last epoch.",
    "mlflow_run_id": "Its run in the tracking store.",
}


def tables_text() -> str:
    """Return the page of files and columns."""
    names = [*COUNTS, *STATISTICS, *COLLAPSE, *OVERALL, *IMAGES, *COMPARISON, *LAST]
    columns = described(names, COLUMNS, "column of table.csv")
    others = ", ".join(code(f"METRIC_{name}") for name in OTHERS)
    health = ["trial_key", "seed", "status", "cell", "(axes)", *HEALTH, *SPREAD, "(metrics)", "mlflow_run_id"]
    tables = {name: FILES[name] for name in FILES if name not in RENDERERS}
    files = [*described(RENDERERS, {name: FILES[name] for name in RENDERERS}, "file of a table"), *tables.items()]
    return page(
        "Results: files and columns",
        "## Files of a table",
        "A sweep writes them to `results/EXPERIMENT/PROFILE/` and attaches them to the study's run in MLflow. The same "
        "records give the same bytes.",
        table(("file", "what it is"), [(_files(names), text) for names, text in files]),
        "## Files of a search",
        table(("file", "what it is"), [(_files(names), text) for names, text in SEARCH_FILES.items()]),
        "## Columns of `table.csv`",
        "A row a cell, then the floors. What is not defined is empty. "
        "[Statistics](../explanation/statistics.md) has the definitions.",
        table(("column", "meaning"), _rows([*FIRST.items(), *columns])),
        f"Each further metric of a table has the columns {others}.",
        "## Columns of `trials.csv`",
        table(("column", "meaning"), _rows(described(health, TRIAL_COLUMNS, "column of trials.csv"))),
    )


def _rows(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name if name.startswith("(") else code(name), meaning) for name, meaning in columns]


def _files(names: str) -> str:
    return ", ".join(name if name == "..." else code(name) for name in names.split(", "))
