"""What the explorer shows at once, on a laptop and a phone, light and dark, by hand and by keyboard."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
STUDY = "queue/digits+train.epochs=6"
QUEUE = "/?experiment=queue&profile=digits%2Btrain.epochs%3D6"
CHARTS = ("axis-chart", "accuracy", "differences", "courses", "distribution")
LOOKS = {
    f"{name}-{scheme}": {"viewport": viewport, "color_scheme": scheme}
    for name, viewport in (("laptop", LAPTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
}
# Plotly is watched from its first call on: where the page puts it, its calls are counted.
WATCH = """
window.draws = [];
const define = Object.defineProperty;
Object.defineProperty = (target, key, how) => {
  if (target === window && key === "Plotly" && how.value) {
    const { Plots } = how.value;
    for (const name of ["newPlot", "react", "relayout", "resize"]) {
      const place = name === "resize" ? Plots : how.value;
      const draw = place[name];
      place[name] = (figure, ...rest) => {
        const traces = (rest[0]?.data ?? figure?.data)?.length ?? 0;
        window.draws.push({ name, chart: figure?.parentElement?.id, traces });
        return draw.call(place, figure, ...rest);
      };
    }
  }
  return define(target, key, how);
};
"""
WHITE_BOXES = """
[...document.querySelectorAll("body *")].filter((each) => {
  const [red, green, blue, alpha = 1] = (getComputedStyle(each).backgroundColor.match(/[\\d.]+/g) ?? []).map(Number);
  return alpha > 0.5 && Math.min(red, green, blue) > 200 && each.getBoundingClientRect().height > 0;
}).map((each) => each.outerHTML.slice(0, 120))
"""

OpenPage = Callable[..., Page]


def mark(cell: str) -> str:
    """Return a cell of the study in an address."""
    return quote(f"{STUDY}|{cell}", safe="")


COMPARED = f"{QUEUE}&cell=K&compare={mark('FT')}&compare={mark('2K')}"


# The other three in `make test-slow`.
USUAL = "laptop-light"


@pytest.fixture(params=[pytest.param(name, marks=[] if name == USUAL else [pytest.mark.slow]) for name in LOOKS])
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A window's size and colours."""
    return LOOKS[request.param]


def drawn(page: Page, *figures: str) -> Page:
    """Wait until figures have marks."""
    for figure in figures or ("courses",):
        expect(page.locator(f"#{figure} .trace").first).to_be_attached(timeout=60_000)
    return page


def tick(page: Page, cell: str) -> Any:
    """Return the box that compares a cell."""
    return page.locator(".rows tbody tr", has=page.get_by_role("link", name=cell, exact=True)).locator(".tick a")


def test_what_is_unfolded_and_scrolled_to_stays_so(explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = drawn(open_page(explorer + QUEUE, viewport=PHONE))
    page.locator("#settings summary").click()
    page.locator("#table .scroll").evaluate("part => { part.scrollLeft = 60 }")
    shown = page.locator("#cell").get_attribute("data-shown")
    page.locator("#run-choices").get_by_role("link", name="Seeds: 0", exact=True).click()
    expect(page.locator("#cell")).not_to_have_attribute("data-shown", str(shown))
    expect(page.locator("#run-choices").get_by_role("link", name="Seeds: 0", exact=True)).to_be_focused()
    expect(page.locator("#settings details")).to_have_attribute("open", "")
    assert page.locator("#table .scroll").evaluate("part => part.scrollLeft") == 60


def test_cells_are_compared(look: dict[str, Any], explorer: str, open_page: OpenPage, problems: list[str]) -> None:
    page = drawn(open_page(explorer + QUEUE, **look))
    tick(page, "FT").click()
    tick(page, "union").click()
    expect(page.locator("#color-key li")).to_contain_text(["K", "FT", "union"])
    expect(page.locator("#differences g.ytick")).to_have_count(3)
    expect(page.locator("#settings tbody").first).to_contain_text("transform.negatives")
    for figure in CHARTS:
        drawn(page, figure)
    maps = page.locator("#gradients figure")
    expect(maps).to_have_count(3)
    assert [each.get_attribute("aria-label") for each in maps.all()] == [
        f"Gradient norms, {cell}" for cell in ("K", "FT", "union")
    ]
    assert page.locator(".legend .traces").count() == page.locator("#axis-chart .legend .traces").count()
    width = page.evaluate("document.querySelector('#courses .js-plotly-plot')._fullLayout._size.w")
    assert width > 190
    assert page.evaluate("document.documentElement.scrollWidth") <= look["viewport"]["width"]
    page.get_by_role("link", name="Compare FT no longer").click()
    expect(page.locator("#differences g.ytick")).to_have_count(2)
    assert problems == []


def test_a_link_restores_everything(look: dict[str, Any], explorer: str, open_page: OpenPage) -> None:
    choices = "&seed=0&seed=1&runs=each&epoch=3&find=queue_size%3D1024&sort=-mean"
    page = drawn(open_page(explorer + COMPARED + choices, **look), "courses", "distribution")
    expect(page.locator("#distribution")).to_contain_text("epoch 3")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "3")
    expect(page.get_by_label("Find rows")).to_have_value("queue_size=1024")
    expect(page.locator(".rows tbody").first.locator("tr th a")).to_have_text(["union", "FT", "K"])
    expect(page.locator("#run-choices a[aria-current=true]")).to_have_text(["0", "1", "all", "every seed too"])
    expect(page.locator("#runs tbody tr")).to_have_count(6)
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("window.copied") == page.url


def test_rows_and_runs_are_found_and_sorted(
    look: dict[str, Any], explorer: str, open_page: OpenPage, problems: list[str]
) -> None:
    page = drawn(open_page(explorer + COMPARED, **look))
    page.get_by_label("Find rows").fill("queue_size>=2048")
    expect(page.locator(".rows tbody").first.locator("tr")).to_have_count(1)
    assert "find=" in page.url
    page.get_by_label("Find rows").fill("")
    expect(page.locator(".rows tbody").first.locator("tr")).to_have_count(4)
    page.locator(".rows thead").get_by_role("link", name="few-shot top-1 (%)").click()
    expect(page.locator(".rows th[aria-sort=descending]")).to_contain_text("few-shot top-1")
    page.get_by_role("link", name="Status: collapsed 1").click()
    expect(page.locator("#runs tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Status: all").click()
    expect(page.locator("#runs tbody tr")).to_have_count(7)
    page.get_by_role("link", name="Seeds: 1", exact=True).click()
    expect(page.locator("#runs tbody tr")).to_have_count(3)
    assert problems == []


def test_differences_are_taken_to_a_chosen_cell(look: dict[str, Any], explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + COMPARED, **look), "differences")
    page.locator("#against").get_by_role("link", name="FT").click()
    expect(page.locator("#differences-note")).to_contain_text("A screen has fewer than four pairs")
    expect(page.locator("#against a[aria-current=true]")).to_have_text("FT")
    assert "against=" in page.url


def test_figures_are_downloaded(look: dict[str, Any], explorer: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = drawn(open_page(explorer + COMPARED, **look), *CHARTS)
    beginnings = {"PNG": b"\x89PNG", "SVG": b"<svg", "PDF": b"%PDF", "CSV": b"run,statistic,transformed,epochs,values"}
    for kind, beginning in beginnings.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Scores over training as {kind}").click()
        download.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(beginning)
    picture = (tmp_path / "SVG").read_text(encoding="utf-8")
    assert "2K" in picture[picture.index('class="legend') :]


def test_figures_are_drawn_once_and_say_loading_before(
    look: dict[str, Any], explorer: str, open_page: OpenPage
) -> None:
    page = open_page("about:blank", **look)
    page.add_init_script(WATCH)
    page.goto(explorer + COMPARED)
    drawn(page, *CHARTS)
    page.wait_for_timeout(1000)
    draws = page.evaluate("window.draws")
    for figure in CHARTS:
        own = [draw for draw in draws if draw["chart"] == figure and draw["traces"]]
        assert [draw["name"] for draw in own] in (["newPlot"], ["react"]), figure
    assert "no epoch is recorded" not in page.locator("body").inner_text()


def test_a_choice_asks_for_what_depends_on_it(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + COMPARED), *CHARTS)
    page.wait_for_timeout(1000)
    answers: list[str] = []
    page.on("requestfinished", lambda asked: answers.append(str(asked.post_data)))
    runs = {"courses", "distribution", "gradients-drawn", "health", "settings-text"}
    for link, expected in {
        ".rows thead th:nth-child(2) a": set(),
        "#runs thead th:nth-child(2) a": set(),
        "#against a:nth-of-type(2)": {"differences"},
        "#run-choices .pick:nth-child(3) a:nth-of-type(2)": {"courses"},
        "#run-choices .pick:nth-child(1) a:nth-of-type(2)": runs,
        ".rows tbody tr:nth-child(1) .tick a": {*runs, "differences"},
    }.items():
        answers.clear()
        page.locator(link).first.click()
        page.wait_for_timeout(1500)
        parts = {"axis-chart", "differences", *runs}
        asked = {part for part in parts for answer in answers if f'"id":"{part}"' in answer.partition("inputs")[0]}
        assert (link, asked) == (link, expected)
    page.locator("#overlay").fill("union")
    expect(page.locator("#overlay-found a").first).to_be_visible()
    page.locator("#overlay").fill("")
    expect(page.locator("#overlay-found a")).to_have_count(0)


def test_a_new_reading_of_the_store_draws_all_but_what_is_being_written(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + COMPARED))
    script = """([version, search, overlaid, before]) => {
      const { explorer, no_update: same } = window.dash_clientside;
      const choices = [["experiment"], ["experiment", "cell"]];
      const parts = explorer.chooseParts(search, version, overlaid, choices, ...before);
      return parts.map((part) => (part === same ? null : part));
    }"""

    def chosen(version: int | None, search: str, overlaid: str, before: list[Any]) -> list[Any]:
        return list(page.evaluate(script, [version, search, overlaid, before]))

    def is_new(version: int, search: str, overlaid: str) -> list[bool]:
        return [part is not None for part in chosen(version, search, overlaid, first)]

    shown, nothing = "?experiment=a&cell=b&find=x", [None] * 4
    assert chosen(None, shown, "c", nothing) == nothing
    first = chosen(1, shown, "c", nothing)
    assert None not in first
    assert is_new(1, shown, "c") == [False, False, False, False]
    assert is_new(2, shown, "c") == [True, True, False, True]
    assert is_new(1, "?experiment=a&cell=d&find=x", "") == [False, True, False, True]
    assert chosen(1, "?experiment=a&cell=b", "c", first)[2] == ""


def test_a_figure_that_is_not_there_yet_is_loading(explorer: str, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    page.route(
        re.compile("/_dash-update-component"),
        lambda route: route.abort() if "courses" in str(route.request.post_data) else route.continue_(),
    )
    page.goto(explorer + COMPARED)
    drawn(page, "distribution")
    expect(page.locator("#courses")).to_contain_text("loading ...")


def test_the_table_stays_in_sight(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + COMPARED), *CHARTS)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("link", name="union", exact=True)).to_be_in_viewport()
    expect(page.locator("#color-key")).to_be_in_viewport()


def test_what_is_not_complete_is_not_judged(look: dict[str, Any], explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + QUEUE, **look), "differences")
    expect(page.locator(".rows tr.provisional")).to_have_count(4)
    expect(page.locator(".rows tr.provisional").first).to_contain_text("provisional, 2 of 3 seeds")
    assert page.locator(".rows strong").count() == 0
    expect(page.locator("#differences")).to_contain_text("provisional, n = 2")
    expect(page.locator("#axis-chart")).to_contain_text("FT (provisional)")


def test_dark_has_no_white_boxes(explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + COMPARED, color_scheme="dark"), *CHARTS)
    page.locator("#overlay").click()
    assert page.evaluate(WHITE_BOXES) == []


def test_the_keyboard_compares_and_keeps_its_place(look: dict[str, Any], explorer: str, open_page: OpenPage) -> None:
    page = drawn(open_page(explorer + QUEUE, **look))
    box = tick(page, "FT")
    for _ in range(60):
        page.keyboard.press("Tab")
        if box.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#color-key li")).to_contain_text(["K", "FT"])
    expect(tick(page, "FT")).to_have_attribute("aria-current", "true")
    expect(tick(page, "FT")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tick(page, "FT")).to_have_attribute("aria-current", "false")
    expect(tick(page, "FT")).to_be_focused()


def test_axe_finds_nothing_serious(
    look: dict[str, Any], explorer: str, open_page: OpenPage, serious_faults: Callable[[Page], list[str]]
) -> None:
    page = drawn(open_page(explorer + COMPARED, **look), *CHARTS)
    assert serious_faults(page) == []
