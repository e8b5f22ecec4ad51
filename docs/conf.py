"""The site: `make docs` builds it with Sphinx, MyST and furo into site/."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "generate"))
from pages import write_pages

# What the product says of itself is written anew before each build.
write_pages()

project = "ftlab"
author = "the authors of ftlab"
release = version = version_of("ftlab")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["generate", "results/tables"]
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
