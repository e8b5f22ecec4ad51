"""The page on extensions shows the code of the package that the tests install."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorials" / "own_parts.md").read_text()
PACKAGE = ROOT / "tests" / "outside_package"


def test_the_code_on_the_page_is_that_of_the_package() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    blocks = re.findall(r"```python elsewhere\n(.*?)```", PAGE, re.DOTALL)
    shown = [block for block in blocks if "MethodContract" not in block]
    assert len(shown) > 5
    assert [block for block in shown if not any(block in source for source in sources)] == []


def test_the_entry_points_on_the_page_are_those_of_the_package() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    lines = [line.replace('[project.entry-points."', "[").replace('"', "") for line in block.splitlines()]
    assert lines == (PACKAGE / "entry_points.txt").read_text().splitlines()
