from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize(
    "look",
    [
        pytest.param({}, id="laptop light"),
        pytest.param({"viewport": PHONE, "color_scheme": "dark"}, id="phone dark"),
        pytest.param({"color_scheme": "dark"}, id="laptop dark", marks=pytest.mark.slow),
        pytest.param({"viewport": PHONE}, id="phone light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_on_the_report(
    look: dict[str, Any], report: str, open_page: Callable[..., Page], serious_faults: Callable[[Page], list[str]]
) -> None:
    page = open_page(report, **look)
    for place in range(page.locator(".plot").count()):
        figure = page.locator(".plot").nth(place)
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".main-svg").first).to_be_attached()
    for summary in page.locator("summary").all():
        summary.click()
    assert serious_faults(page) == []
