from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]


def test_the_report_opens_from_disk_without_a_network(report: str, open_page: OpenPage, problems: list[str]) -> None:
    page = open_page(report, offline=True)
    expect(page.get_by_role("heading", level=1)).to_contain_text("mixed negatives")
    expect(page.locator("tbody tr[data-cell]")).to_have_count(4)
    for place in range(page.locator(".plot").count()):
        figure = page.locator(".plot").nth(place)
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".main-svg").first).to_be_attached()
    assert page.locator(".plot .trace, .plot .hm").count() > 10
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_fits_a_phone(report: str, scheme: str, open_page: OpenPage) -> None:
    page = open_page(report, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.locator(".plot").first.scroll_into_view_if_needed()
    expect(page.locator(".plot .trace").first).to_be_attached()
    notes = page.locator(".ablation-table figcaption").bounding_box()
    assert notes is not None
    assert notes["x"] + notes["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_keyboard_opens_the_list_of_trials(report: str, open_page: OpenPage) -> None:
    page = open_page(report)
    page.locator("summary").last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="collapsed", exact=True)).to_be_visible()


def test_contents_lead_to_settings_and_values(report: str, open_page: OpenPage) -> None:
    page = open_page(report)
    for name in ("Values of each seed", "Settings"):
        page.get_by_role("navigation", name="Contents").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name)).to_be_in_viewport()
