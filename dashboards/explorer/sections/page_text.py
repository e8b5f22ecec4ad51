"""Parts of the page as HTML text.

Dash follows every component of a page, so that each answer takes time in proportion to all of them: tables of hundreds
of cells would make every click slow. They reach the page as text, which ``assets/explorer.js`` puts in its place.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dash import ClientsideFunction
from dash.development.base_component import Component

from explorer.address import Address

FILL = ClientsideFunction("explorer", "fill")
NAMES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex"}


def page_text(parts: Mapping[str, Any], section: str, search: str | None, shown: Address) -> dict[str, Any]:
    """Return what ``fill`` of ``assets/explorer.js`` puts on the page.

    Args:
        parts: Components by the identifier of the place that they fill.
        section: Identifier of what is around them, which says what it is drawn for.
        search: Query that the page asked with.
        shown: The address that the components are made for.
    """
    texts = {place: markup(part) for place, part in parts.items()}
    return {"texts": texts, "section": section, "search": search or "", "shown": str(shown)}


def markup(part: Component | Sequence[Any] | str | float | None) -> str:
    """Return components of `dash.html` as HTML; all text in them is escaped.

    >>> from dash import html
    >>> markup([html.P(["a < b", html.B(2)], className="quiet", hidden=True), "&"])
    '<p class="quiet" hidden>a &lt; b<b>2</b></p>&amp;'

    Args:
        part: A component, a text, a number, nothing, or a list of these.
    """
    if part is None:
        return ""
    if isinstance(part, Component):
        described = part.to_plotly_json()  # type: ignore[no-untyped-call]
        props = described["props"]
        attributes = "".join(_attribute(name, value) for name, value in props.items() if name != "children")
        name = str(described["type"]).lower()
        return f"<{name}{attributes}>{markup(props.get('children'))}</{name}>"
    if isinstance(part, Sequence) and not isinstance(part, str):
        return "".join(map(markup, part))
    return escape(str(part))


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = NAMES.get(name, name)
    if value is True:
        return f" {name}"
    text = _style(value) if isinstance(value, Mapping) else str(value)
    return f' {name}="{escape(text)}"'


def _style(style: Mapping[str, Any]) -> str:
    """Return a style as CSS: ``borderColor`` is ``border-color``, and a variable keeps its name."""
    return ";".join(f"{re.sub('(?<!^)(?=[A-Z])', '-', name).lower()}:{value}" for name, value in style.items())
