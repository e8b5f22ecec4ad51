import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.figures.histories import LeftOut
from ftlab.reporting.figures.training_figures import TrainingFigures
from ftlab.reporting.pages.report import ReportChart, report_html
from ftlab.reporting.pages.report_charts import report_charts
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.trial_facts import Fact

FACTS = (Fact("commit", (("0a1b2c", 3),)), Fact("torch", (("2.15.0", 2), ("2.14.0", 1))))
COMMAND = "make sweep EXP=momentum PROFILE=digits SEEDS=3"
HOSTILE = "</script><script>alert(1)</script>"
NOTHING = LeftOut("no trial recorded it")


def charts_of(table: AblationTable) -> tuple[ReportChart, ...]:
    return report_charts(axis_figure(table), TrainingFigures(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING))


class Loads(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "data", "action", "srcset")]


@pytest.fixture
def page(momentum_table: AblationTable) -> str:
    return report_html(momentum_table, charts_of(momentum_table), FACTS, COMMAND)


def test_the_report_loads_nothing(page: str) -> None:
    loads = Loads(page)
    assert loads.addresses == []
    assert loads.scripts == 3
    assert "default-src 'none'" in page


def test_the_same_numbers_give_the_same_bytes(page: str, momentum_table: AblationTable) -> None:
    assert report_html(momentum_table, charts_of(momentum_table), FACTS, COMMAND) == page


def test_the_report_says_where_numbers_come_from(page: str, momentum_table: AblationTable) -> None:
    assert all(trial.trial_key in page and trial.run_id in page for trial in momentum_table.trials)
    assert COMMAND in page
    assert "<dt>commit</dt><dd>0a1b2c</dd>" in page
    assert "2.15.0 (2 trials), 2.14.0 (1 trials)" in re.sub(r"\s+", " ", page)


def test_a_figure_that_is_not_drawn_says_why(page: str) -> None:
    assert page.count("Not drawn: no trial recorded it.") == 5


def test_names_from_the_store_are_text(momentum_table: AblationTable) -> None:
    trials = tuple(replace(trial, cell=HOSTILE, run_id=HOSTILE) for trial in momentum_table.trials)
    rows = tuple(replace(row, axes={"method.key_momentum": HOSTILE}) for row in momentum_table.rows)
    table = replace(momentum_table, title=HOSTILE, trials=trials, rows=rows)
    hostile = report_html(table, charts_of(table), (Fact(HOSTILE, ((HOSTILE, 1),)),), HOSTILE)
    assert Loads(hostile).scripts == 3
    assert HOSTILE not in hostile
