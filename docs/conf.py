"""The site: `make docs` builds it with Sphinx, MyST and furo into site/."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "generate"))
from pages import write_pages

# What the product says of itself is written anew before each build.
write_pages()

project = "ftlab"
author = "the authors of ftlab"
release = version = version_of("ftlab")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["generate", "results/tables"]
highlight_language = "none"  # A block without a language is a picture of words.
root_doc = "index"
language = "en"

# Links to headings are checked as links to pages are.
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
add_module_names = False

html_theme = "furo"
html_title = "ftlab"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_use_index = html_domain_indices = False
# The theme's fonts are those of the system: no page asks another host for anything.
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#8ab8f0", "color-brand-content": "#8ab8f0"},
}


def setup(app: Sphinx) -> None:
    """Let a keyboard scroll what is wide, and a reader of screens know the rank of the headings in the sidebar."""
    app.connect("html-page-context", _name_roles, priority=900)


def _name_roles(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:  # noqa: ARG001
    changes = {
        "body": {"<pre>": '<pre tabindex="0">', '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper'},
        "furo_navigation_tree": {'role="heading"': 'role="heading" aria-level="2"'},
    }
    for name, replaced in changes.items():
        for before, after in replaced.items():
            context[name] = context.get(name, "").replace(before, after)
