import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ftlab.publish.table import tabulate
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.writers.spreadsheet import table_csv
from ftlab.study.spec import expand_trials, load_study
from ftlab.tracking.tracker import Tracker

PHONE = {"width": 390, "height": 844}
NARROW_PHONE = {"width": 360, "height": 740}
FT = "/?experiment=queue&profile=digits%2Btrain.epochs%3D6&cell=FT"

OpenPage = Callable[..., Page]


def color_between(low: int, high: int) -> re.Pattern[str]:
    """Match an opaque color whose red, green and blue all lie in a range; one that fades in has an alpha."""
    channel = "|".join(str(value) for value in range(low, high + 1))
    return re.compile(rf"^rgb\(({channel}), ({channel}), ({channel})\)$")


def drawn(page: Page, figure: str) -> Page:
    """Wait until a figure has marks."""
    expect(page.locator(f"#{figure} .trace").first).to_be_attached(timeout=20_000)
    return page


def curve(page: Page, figure: str) -> str | None:
    """Return the path of a figure's first line."""
    return drawn(page, figure).locator(f"#{figure} .trace path.js-line").first.get_attribute("d")


def test_the_table_and_its_figures_are_there(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = open_page(explorer)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Do mixed negatives help more than twice as many negatives?"
    )
    expect(page.locator(".rows tbody tr")).to_have_count(4)
    for figure in ("axis-chart", "courses", "distribution"):
        drawn(page, figure)
    assert problems == []


def test_a_cell_is_clicked(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = drawn(open_page(explorer), "courses")
    page.get_by_role("link", name="2K", exact=True).click()
    expect(page.locator("#cell-heading h2")).to_have_text("2K")
    expect(page.locator("#runs")).to_contain_text("collapsed")
    assert "cell=2K" in page.url
    page.go_back()
    expect(page.locator("#cell-heading h2")).to_have_text("K")
    assert problems == []


def test_a_link_restores_the_page(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + FT), "courses")
    expect(page.locator("#cell-heading h2")).to_have_text("FT")
    expect(page.locator("tr.current th")).to_contain_text("FT")


def test_a_running_trial_shows_its_epochs(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer), "courses")
    expect(page.locator("#status")).to_contain_text("1 running")
    expect(page.locator("#runs")).to_contain_text("running, epoch 2 of 6")


def test_the_slider_moves_the_distribution(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = open_page(explorer + FT)
    last = curve(page, "distribution")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(page.locator("#distribution")).to_contain_text("epoch 1")
    expect(page.locator("#distribution .trace path.js-line").first).not_to_have_attribute("d", last or "")
    assert problems == []


def test_runs_are_overlaid(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = drawn(open_page(explorer), "courses")
    page.get_by_label("Lay over a run of any study").fill("union seed 1")
    page.locator("#overlay-found").get_by_role("link", name=re.compile("union seed 1")).click()
    expect(page.locator("#color-key")).to_contain_text("union seed 1")
    assert "run=" in page.url
    assert problems == []


def test_the_downloaded_csv_is_the_file(
    explorer: str, open_page: OpenPage, recorded_tracker: Tracker, tmp_path: Path
) -> None:
    page = open_page(explorer)
    with page.expect_download() as download:
        page.get_by_role("link", name="table.csv").click()
    download.value.save_as(tmp_path / "table.csv")
    trials = recorded_tracker.load_trials()
    study = load_study("queue", "digits", overrides={"train.epochs": 6})
    fingerprint = trials["tags"].iloc[0]["data.fingerprint"]
    table = tabulate(study, expand_trials(study, fingerprint), trials, TableOptions(all_seeds=True))
    assert (tmp_path / "table.csv").read_bytes() == table_csv(table).encode()


def test_the_keyboard_suffices(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = drawn(open_page(explorer), "courses")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the table")).to_be_focused()
    link = page.get_by_role("link", name="FT", exact=True)
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("element => element === document.activeElement"):
            break
    outline = link.evaluate("element => getComputedStyle(element, '::after').outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#cell-heading h2")).to_have_text("FT")
    assert problems == []


@pytest.mark.parametrize("viewport", [PHONE, NARROW_PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(
    viewport: dict[str, int], scheme: str, explorer: str, open_page: OpenPage
) -> None:
    page = drawn(open_page(explorer + FT, viewport=viewport, color_scheme=scheme, has_touch=True), "courses")
    drawn(page, "distribution")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_dark_is_dark(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer, color_scheme="dark"), "axis-chart")
    expect(page.locator("body")).to_have_css("background-color", color_between(0, 49))
    expect(page.locator("#axis-chart .xtick text").first).to_have_css("fill", color_between(200, 255))


def test_an_empty_store_says_what_to_do(serve: Callable[[Path], str], open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(serve(tmp_path))
    expect(page.get_by_role("alert")).to_contain_text("make sweep EXP=momentum", timeout=60_000)
