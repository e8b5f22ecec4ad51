"""The pages that the package writes itself name everything that it has."""

import csv
import re
from pathlib import Path

import pytest
from commands_page import commands
from gallery_page import EXPERIMENTS
from markdown_text import described
from pages import PAGES, write_pages

from ftlab.config.trial import setting_fields

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder)
    return {name: (folder / f"{name}.md").read_text("utf-8") for name in PAGES}


def named_in(page: str) -> set[str]:
    """Return what stands as code in the first cell of a line of a table."""
    return {
        name
        for line in re.findall(r"^\| ((?:`[^`]+`(?:, )?)+)", page, re.MULTILINE)
        for name in re.findall("`([^`]+)`", line)
    }


def test_every_setting_is_explained(pages: dict[str, str]) -> None:
    settings = {name for name in setting_fields() if name != "seed"}
    assert len(settings) > 60
    assert settings - named_in(pages["reference/settings"]) == set()


def test_every_option_of_every_command_is_explained(pages: dict[str, str]) -> None:
    found = commands()
    assert len(found) > 15
    for name, command in found.items():
        section = pages["reference/commands"].partition(f"\n## `ftlab {name}`\n")[2].partition("\n## ")[0]
        assert command.help in section
        for parameter in command.params:
            assert parameter.help, f"{name}: {parameter.name} has no help"
            assert named_in(section) & {*parameter.opts, parameter.name.upper()}, f"{name}: {parameter.name}"


def test_every_target_of_the_makefile_is_listed(pages: dict[str, str]) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {f"make {target}" for target in targets} <= named_in(pages["reference/commands"])


@pytest.mark.parametrize("file", ["table.csv", "trials.csv"])
def test_every_column_of_a_table_is_explained(file: str, pages: dict[str, str]) -> None:
    page, files = pages["reference/tables"], sorted((ROOT / "docs" / "results" / "tables").glob(f"*/*/{file}"))
    known = named_in(page.partition(f"Columns of `{file}`")[2].partition("\n## ")[0]) | setting_fields().keys()
    known |= named_in(pages["reference/records"])
    assert files
    for path in files:
        header = next(csv.reader(path.read_text("utf-8").splitlines()))
        columns = {re.sub(r"^((?:knn|probe)/\w+1)_(mean|std|ci_low|ci_high)$", r"\1", name) for name in header}
        axes = {"FT", "method", "trained"}  # names that experiments give to axes
        assert columns - known - axes == set(), path


def test_every_experiment_is_in_the_gallery(pages: dict[str, str]) -> None:
    names = [path.stem for path in EXPERIMENTS.glob("*.yaml")]
    assert len(names) > 10
    assert [name for name in names if not re.search(rf" EXP={name}[` ]", pages["gallery"])] == []


def test_what_has_no_meaning_and_a_meaning_of_nothing_are_refused() -> None:
    assert described(["a", "a"], {"a": "one"}, "name") == [("a", "one")]
    with pytest.raises(
        LookupError, match=r"each name must be described, and no other: missing \['b'\], unused \['c'\]"
    ):
        described(["a", "b"], {"a": "one", "c": "three"}, "name")


def test_pages_that_are_as_they_should_be_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.PAGES", {"one/page": lambda: "text"})
    write_pages(tmp_path)
    path = tmp_path / "one" / "page.md"
    before = path.stat().st_mtime_ns
    write_pages(tmp_path)
    assert (path.read_text(), path.stat().st_mtime_ns) == ("text", before)
