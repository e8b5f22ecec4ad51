"""A table that is printed into a file or a pipe has its whole width."""

from pathlib import Path

import pytest

from ftlab.reporting.table.ablation import AblationTable
from ftlab.terminal.table_listing import print_table


def test_a_file_has_each_row_on_a_line(
    momentum_table: AblationTable, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(momentum_table, tmp_path, [])
    lines = capsys.readouterr().out.splitlines()
    for row in momentum_table.rows:
        [line] = [line for line in lines if line.split()[:1] == [row.cell.rpartition("=")[2]]]
        assert "[" not in line or "]" in line
    [heading] = [line for line in lines if "key momentum" in line and "few-shot" in line]
    assert "95% interval" in heading
