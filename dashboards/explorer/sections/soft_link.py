"""Links that change what the page shows without loading it anew, see ``assets/explorer.js``."""

from typing import Any

from dash import html

from explorer.address import Address
from explorer.sections.aria import aria


def soft_link(
    children: Any, address: Address, *, chosen: bool | None = None, name: str = "", label: str = ""
) -> html.A:
    """Return a link that keeps its place on the page, and the focus.

    Args:
        children: Its text.
        address: What it shows.
        chosen: Whether it stands for something that is shown now; None for a link that is no choice.
        name: Class of its style.
        label: Words for those who cannot see it, if its text says too little.
    """
    link = html.A(children, href=str(address), className=f"soft {name}".strip())
    words = {"label": label} if label else {}
    return aria(link, **words, **({} if chosen is None else {"current": "true" if chosen else "false"}))
