"""What `ftlab.__all__` lists is there, documented and typed, and costs nothing before it is used."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ftlab

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ftlab.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    found = getattr(ftlab, name)
    assert inspect.getdoc(found)
    assert f":: {name}\n" in (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    if inspect.isfunction(found):
        hints = found.__annotations__
        assert set(inspect.signature(found).parameters) | {"return"} == set(hints)
        assert ">>> " in (found.__doc__ or "")


def test_importing_the_package_imports_nothing_but_the_standard_library() -> None:
    script = "import sys; before = set(sys.modules); import ftlab; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert imported == {"ftlab"}


def test_the_types_are_those_of_the_same_names() -> None:
    stub = (ROOT / "platform" / "ftlab" / "__init__.pyi").read_text("utf-8")
    assert re.findall(r"^from [\w.]+ import \w+ as (\w+)$", stub, re.MULTILINE) == ftlab.__all__
    assert f"__all__ = {ftlab.__all__}".replace("'", '"') in stub


def test_another_name_is_an_error_that_lists_the_public_ones() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tabble'; it has: FtlabError, SweepPlan, load_epochs"):
        ftlab.tabble  # noqa: B018
    assert set(ftlab.__all__) <= set(dir(ftlab))


def test_a_text_that_a_spreadsheet_would_run_reads_back(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("cell,n,is_floor,same_protocol\n'=1+1,3,no,\nnone,,yes,no\n")
    table = ftlab.load_table(tmp_path)
    assert list(table.index) == ["=1+1", "none"]
    assert table["n"].isna().tolist() == [False, True]
    assert table["is_floor"].tolist() == [False, True]


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ftlab.FtlabError, match="results must be the folder of a table"):
        ftlab.load_table(tmp_path)
    (tmp_path / "table.csv").write_text("cell,is_floor\n")
    with pytest.raises(ftlab.FtlabError, match=r"must hold trials.csv, but .* is missing"):
        ftlab.load_trials(tmp_path)
