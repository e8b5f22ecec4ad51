"""The notebook as a page: its texts and its code."""

import json
from pathlib import Path

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "first_table.ipynb"


def notebook_text() -> str:
    """Return the page of the notebook."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    parts = [_part(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    place = f"The notebook itself: [`{NOTEBOOK.name}`]({NOTEBOOK.name})."
    return "\n\n".join([parts[0], place, *parts[1:]]) + "\n"


def _part(kind: str, source: str) -> str:
    return f"```python\n{source}\n```" if kind == "code" else source
