"""README, CONTRIBUTING and CHANGELOG lead to files that exist, and what a release repeats agrees."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_readme_fits_two_screens() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 120


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert "arxiv.org/abs/2108.02982" in citation["preferred-citation"]["url"]


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    [newest, *_] = [name for name in re.findall(r"^## \[(.+)\]", text, re.MULTILINE) if name != "Unreleased"]
    assert newest == PROJECT["version"]
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Numerics"}
    assert {*re.findall(r"^### (.+)$", text, re.MULTILINE)} <= known


def test_every_page_stands_in_the_contents() -> None:
    docs = ROOT / "docs"
    contents = (docs / "index.md").read_text("utf-8")
    pages = [
        path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md") if path.name != "index.md"
    ]
    assert len(pages) > 30
    assert [page for page in pages if not re.search(rf"^{page}$", contents, re.MULTILINE)] == []
