"""The pages of the site that the product writes itself: `python docs/generate/pages.py` writes them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from commands_page import commands_text
from gallery_page import gallery_text
from notebook_page import notebook_text
from records_page import records_text
from settings_page import files_text, settings_text
from surroundings_page import surroundings_text
from tables_page import tables_text

FOLDER = Path(__file__).parents[1]
PAGES: Mapping[str, Callable[[], str]] = {
    "gallery": gallery_text,
    "notebooks/first_table": notebook_text,
    "reference/settings": settings_text,
    "reference/files": files_text,
    "reference/commands": commands_text,
    "reference/tables": tables_text,
    "reference/records": records_text,
    "reference/variables": surroundings_text,
}


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page, and leave those alone that are as they should be.

    Args:
        folder: Folder of the site's sources.
    """
    for name, make in PAGES.items():
        path, text = folder / f"{name}.md", make()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    write_pages()
