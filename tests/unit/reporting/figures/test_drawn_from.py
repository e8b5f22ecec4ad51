from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from ftlab.reporting.figures import drawn_from as module
from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint
from ftlab.reporting.figures.drawn_from import code_digest, drawn_from
from ftlab.reporting.table.ablation import AblationTable

POINT = AxisPoint("0.5", 0.5, True, 88.0, nan, nan, (88.0,), (), 56.24, "")
FIGURE = AxisFigure("title", "start", "top-1 (%)", "numbers", (POINT,), 88.0, "paper", False)


def test_equal_content_has_equal_digests() -> None:
    assert drawn_from(FIGURE, "print") == drawn_from(replace(FIGURE, points=(replace(POINT),)), "print")


@pytest.mark.parametrize(
    "other",
    [
        replace(FIGURE, title="another title"),
        replace(FIGURE, points=(replace(POINT, mean=np.nextafter(88.0, 90.0)),)),
        replace(FIGURE, points=(replace(POINT, ci_low=0.0),)),
        replace(FIGURE, points=(POINT, POINT)),
    ],
)
def test_a_changed_number_or_word_changes_the_digest(other: AxisFigure) -> None:
    assert drawn_from(other, "print") != drawn_from(FIGURE, "print")


def test_every_element_of_a_long_array_counts() -> None:
    one, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1e-9
    assert drawn_from(one, "print") != drawn_from(other, "print")


def test_a_table_has_a_digest(momentum_table: AblationTable, components_table: AblationTable) -> None:
    assert drawn_from(momentum_table, "pages") != drawn_from(components_table, "pages")


def test_content_that_would_hide_a_change_is_refused() -> None:
    with pytest.raises(TypeError, match="numbers and texts, but got object"):
        drawn_from((FIGURE, object()), "print")


@pytest.mark.parametrize(("library", "changed"), [("matplotlib", ["print"]), ("plotly", ["pages"])])
def test_the_version_of_a_library_matters_to_what_it_draws(
    library: str, changed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {medium: drawn_from(FIGURE, medium) for medium in ("print", "pages")}
    monkeypatch.setattr(module, "version", lambda name: "99.0" if name == library else module_version(name))
    assert [medium for medium in before if drawn_from(FIGURE, medium) != before[medium]] == changed


module_version = module.version


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in ("style.py", "print/drawing.py", "pages/page.css", "__pycache__/style.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("style.py", True),
        ("print/drawing.py", True),
        ("print/new.py", True),
        ("pages/page.css", False),
        ("__pycache__/style.cpython-311.pyc", False),
    ],
)
def test_changed_code_changes_the_digest_of_what_it_draws(package: Path, name: str, counts: bool) -> None:
    before = code_digest(package, ("pages",))
    (package / name).write_text("a = 2\n")
    code_digest.cache_clear()
    assert (code_digest(package, ("pages",)) != before) is counts
