from collections.abc import Callable
from html.parser import HTMLParser

import pandas as pd
import pytest

from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.writers.html import table_html

VOID = ("col", "colgroup")


class Reader(HTMLParser):
    """Collects the elements, and fails where they do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_row_a_cell(momentum_table: AblationTable) -> None:
    text = table_html(momentum_table)
    cells = [attributes.get("data-cell") for attributes in Reader(text).all("tr")[2:]]
    assert cells == [row.cell for row in momentum_table.rows]
    assert '<th scope="row">0.5</th><td class="n">1</td><td class="mean">76.0<sup>†</sup></td>' in text
    assert '<td class="mean">88.0</td>' in text
    assert "<p>Failed, without a value: key momentum 1.0 (1 of 3).</p>" in text


@pytest.mark.parametrize(
    "fixture", ["momentum_table", "components_table", "empty_table", "seeded_table", "two_way_table", "methods_table"]
)
def test_every_heading_has_a_scope_and_every_line_its_columns(request: pytest.FixtureRequest, fixture: str) -> None:
    reader = Reader(table_html(request.getfixturevalue(fixture)))
    assert {attributes.get("scope") for attributes in reader.all("th")} >= {"col", "colgroup", "row"}
    assert None not in {attributes.get("scope") for attributes in reader.all("th")}
    width = sum(int(attributes["span"] or 0) for attributes in reader.all("colgroup"))
    first = reader.elements[[tag for tag, _ in reader.elements].index("thead") :][2:]
    headings = [attributes for tag, attributes in first[: [tag for tag, _ in first].index("tr")]]
    assert sum(int(attributes.get("colspan") or 1) for attributes in headings) == width
    assert len(reader.all("caption")) == 1


def test_two_axes_give_a_two_way_table(two_way_table: AblationTable) -> None:
    text = table_html(two_way_table)
    assert '<th scope="rowgroup" colspan="3">difference to the baseline</th>' in text
    assert (
        '<td data-cell="positives=extrapolate alpha_extrapolation=0.2"><span class="difference">+3.0</span> '
        '<span class="difference_interval">[+2.2, +3.9]</span> <span class="p">p &lt;0.001</span> '
        '<span class="outcome">better</span></td>'
    ) in text
    assert '<td data-cell="positives=interpolate alpha_extrapolation=0.2"><span class="difference">baseline' in text
    assert '<span class="mean"><strong>90.0</strong></span>' in text


def test_texts_are_escaped(make_trials: Callable[[dict[str, list[tuple[str, float]]]], pd.DataFrame]) -> None:
    name = "<script>alert('x')</script> \"&"
    text = table_html(ablate("t", [Cell(name, {}, (), "x")], make_trials({}), metric="knn/top1", title=name))
    assert "<script" not in text
    assert 'data-cell="&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &quot;&amp;"' in text
