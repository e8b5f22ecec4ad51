from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from ftlab.publish.results_folder import read_drawn_files
from ftlab.reporting.trace.provenance import Provenance, parse_provenance, provenance_text
from ftlab.reporting.trace.verification import verify_table

CONTENT = {"report.html": b"<html>88.2</html>", "figure.png": b"\x89PNG", "figures/ft_effect.pdf": b"%PDF"}


@pytest.fixture
def drawn(provenance: Provenance) -> Provenance:
    digests = {name: sha256(content).hexdigest() for name, content in CONTENT.items()}
    return parse_provenance(provenance_text(replace(provenance, drawn=digests)), "provenance.json")


def test_untouched_figures_are_confirmed(drawn: Provenance, files: dict[str, str], recorded: pd.DataFrame) -> None:
    assert verify_table(drawn, files, recorded, CONTENT).problems == ()


@pytest.mark.parametrize("name", list(CONTENT))
def test_an_altered_report_or_figure_is_named(
    drawn: Provenance, files: dict[str, str], recorded: pd.DataFrame, name: str
) -> None:
    altered = {**CONTENT, name: CONTENT[name] + b" "}
    missing = {other: content for other, content in CONTENT.items() if other != name}
    for table in (recorded, recorded.iloc[1:]):
        assert f"{name}: edited since it was written" in verify_table(drawn, files, table, altered).problems
        assert f"{name}: missing" in verify_table(drawn, files, table, missing).problems


def test_figures_of_before_are_said_to_be_unchecked(
    provenance: Provenance, files: dict[str, str], recorded: pd.DataFrame
) -> None:
    found = verify_table(provenance, files, recorded, {})
    assert found.problems == ()
    assert found.notes == ("report and figures are unchecked: they were written before they had digests",)


def test_no_file_outside_the_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    folder.mkdir()
    for path in (tmp_path / "secret", folder / "figure.png"):
        path.write_bytes(b"a")
    assert read_drawn_files(folder, ["../secret", str(tmp_path / "secret"), "figure.png"]) == {"figure.png": b"a"}
