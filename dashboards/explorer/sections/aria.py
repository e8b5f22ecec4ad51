"""Words for those who cannot see the page."""

from typing import TypeVar

from dash.development.base_component import Component

ComponentT = TypeVar("ComponentT", bound=Component)


def aria(component: ComponentT, **attributes: str) -> ComponentT:
    """Return a component with ARIA attributes, e.g. ``aria(html.Nav(), label="Experiments")``."""
    for name, text in attributes.items():
        setattr(component, f"aria-{name}", text)
    return component
