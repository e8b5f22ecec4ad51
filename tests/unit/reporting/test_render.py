from dataclasses import replace
from pathlib import Path

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.render import table_csv, table_md, table_tex, trials_csv, write_table


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
