from html.parser import HTMLParser

import pytest
from dash import html

from explorer.address import Address
from explorer.sections.aria import aria
from explorer.sections.page_text import markup, page_text
from explorer.sections.soft_link import soft_link


class Tags(HTMLParser):
    """Collects elements with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '" onclick="alert(1)', "a & b < c", "' \" >"])
def test_no_text_becomes_an_element_or_an_attribute(text: str) -> None:
    part = aria(html.P(["is ", html.B(text)], title=text, className=text), label=text)
    read = Tags(markup(part))
    assert read.found == [("p", {"title": text, "class": text, "aria-label": text}), ("b", {})]
    assert read.text == f"is {text}"


def test_attributes_have_their_names_in_html() -> None:
    label = html.Label("x", htmlFor="find", tabIndex=0, style={"borderColor": "red", "--color": "blue"})
    assert Tags(markup(label)).found == [
        ("label", {"for": "find", "tabindex": "0", "style": "border-color:red;--color:blue"})
    ]


def test_what_is_false_or_nothing_is_left_out() -> None:
    assert markup([None, html.P(hidden=False, title=None), 0, html.P(hidden=True)]) == "<p></p>0<p hidden></p>"


def test_a_part_says_what_it_is_drawn_for() -> None:
    shown = Address("momentum", "digits")
    found = page_text({"table": [soft_link("a", shown)]}, "study", None, shown)
    assert (found["section"], found["search"], found["shown"]) == ("study", "", str(shown))
    assert Tags(found["texts"]["table"]).found == [("a", {"href": str(shown), "class": "soft"})]
