import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.html import table_html
from ftlab.reporting.writers.latex_full import full_tex
from ftlab.reporting.writers.render import RENDERERS, table_csv, table_md, table_tex, trials_csv, write_table

FORMS = {**RENDERERS, "table.tex in full": full_tex, "table.html": table_html}
TABLES = ("momentum", "seeded", "components", "two_way", "methods", "differing", "empty")


def without_last_digits(text: str) -> str:
    """Round what processors and versions of SciPy may round otherwise; that nothing is lost is another test's."""
    return re.sub(r"\d+\.\d{13,}(e-\d+)?", lambda number: f"{float(number[0]):.10g}", text)


def test_every_table_in_every_form(
    request: pytest.FixtureRequest, match_snapshot: Callable[[str, Mapping[str, str]], None]
) -> None:
    tables = {name: request.getfixturevalue(f"{name}_table") for name in TABLES}
    texts = {
        f"{name}, {form}": without_last_digits(render(table))
        for name, table in tables.items()
        for form, render in FORMS.items()
    }
    match_snapshot("tables", texts)


def test_four_files(tmp_path: Path, momentum_table: AblationTable) -> None:
    paths = write_table(momentum_table, tmp_path / "momentum")
    assert [path.name for path in paths] == ["trials.csv", "table.csv", "table.tex", "table.md"]
    renderers = (trials_csv, table_csv, table_tex, table_md)
    assert [path.read_bytes().decode() for path in paths] == [renderer(momentum_table) for renderer in renderers]
    assert sorted(tmp_path.rglob("*.*")) == sorted(paths)


def test_only_what_changed_is_written(tmp_path: Path, momentum_table: AblationTable) -> None:
    before = [path.stat().st_mtime_ns for path in write_table(momentum_table, tmp_path)]
    paths = write_table(replace(momentum_table, title="Another question?"), tmp_path)
    changed = [path.name for path, time in zip(paths, before, strict=True) if path.stat().st_mtime_ns != time]
    assert changed == ["table.tex", "table.md"]
