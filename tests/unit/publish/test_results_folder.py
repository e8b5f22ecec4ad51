from pathlib import Path

import pytest

from ftlab.errors import ResultsError
from ftlab.publish.results_folder import (
    load_provenance,
    read_drawn_files,
    read_table_files,
    table_folder,
    table_folders,
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("momentum/digits", "queue/digits", "search_ft/digits"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "momentum/digits/table.csv").write_bytes(b"cell\r\n")
    (tmp_path / "momentum/digits/figure.png").write_bytes(b"\x89PNG")
    (tmp_path / "queue/digits/provenance.json").write_text("{}")
    (tmp_path / "search_ft/digits/best.yaml").write_text("a: 1")
    return tmp_path


def test_folders_of_tables_are_found_below_others(results: Path) -> None:
    assert table_folders([results, results / "momentum"]) == [results / "momentum/digits", results / "queue/digits"]


def test_a_folder_is_found_from_a_file_in_it(results: Path) -> None:
    folder = results / "momentum" / "digits"
    assert table_folder(folder / "figure.png") == table_folder(folder) == folder


def test_a_folder_without_a_table_names_the_nearest(results: Path) -> None:
    with pytest.raises(ResultsError, match=r"Did you mean '.*/momentum/digits'\? Choices: "):
        table_folder(results / "momentun" / "digits")


def test_the_files_of_a_table_are_read_to_the_byte(results: Path) -> None:
    assert read_table_files(results / "momentum" / "digits") == {"table.csv": "cell\r\n"}


def test_a_table_without_provenance_says_how_to_get_it(results: Path) -> None:
    with pytest.raises(ResultsError, match=r"there is no .*/provenance.json; write it anew: make table"):
        load_provenance(results / "momentum" / "digits")


def test_a_figure_that_is_a_link_to_itself_is_missing(tmp_path: Path) -> None:
    (tmp_path / "figure.pdf").symlink_to("figure.pdf")
    (tmp_path / "figure.png").write_bytes(b"drawn")
    assert read_drawn_files(tmp_path, ["figure.pdf", "figure.png", "../other"]) == {"figure.png": b"drawn"}
