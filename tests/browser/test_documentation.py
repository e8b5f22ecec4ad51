"""The documentation's site in a browser: on a laptop and a phone, light and dark, without a network."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

pytest.importorskip("sphinx", reason="the site's packages are not installed: make setup")

ROOT = Path(__file__).parents[2]
SIZES = ((1366, 768, "light"), (390, 844, "dark"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "docs", str(folder)]
    subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=True)
    return folder


def pages_of(site: Path) -> list[Path]:
    """Return the pages of the site."""
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    assert len(pages) > 40
    return pages


@pytest.mark.parametrize(("width", "height", "colours"), SIZES)
def test_no_page_is_wider_than_the_screen_or_asks_another_host(
    width: int, height: int, colours: str, site: Path, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)  # type: ignore[arg-type]
    page, asked = context.new_page(), set[str]()
    page.on("request", lambda request: asked.add(request.url))
    too_wide = []
    for path in pages_of(site):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(path.relative_to(site).as_posix())
    context.close()
    assert too_wide == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("width", "height", "colours"), SIZES)
def test_no_page_has_a_serious_fault(width: int, height: int, colours: str, site: Path, browser: Browser) -> None:
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: make setup")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)  # type: ignore[arg-type]
    page, faults = context.new_page(), []
    for path in pages_of(site):
        page.goto(path.as_uri())
        page.add_script_tag(content=axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults += [
            (path.relative_to(site).as_posix(), fault["id"], fault["nodes"][0]["html"])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
    context.close()
    assert faults == []


def test_the_search_finds_a_setting_from_disk(site: Path, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{(site / 'search.html').as_uri()}?q=queue_size")
    expect(page.get_by_role("link", name="Settings").last).to_be_visible()
    expect(page.get_by_text("Search finished")).to_be_visible()
    context.close()
