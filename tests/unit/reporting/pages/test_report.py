import re
from base64 import b64decode
from dataclasses import replace
from gzip import decompress
from html import escape
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.figures.histories import LeftOut
from ftlab.reporting.figures.training_figures import TrainingFigures
from ftlab.reporting.pages.report import ReportChart, report_html
from ftlab.reporting.pages.report_charts import report_charts
from ftlab.reporting.printed.answer import answer
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.trial_facts import Fact

FACTS = (Fact("commit", (("0a1b2c", 3),)), Fact("torch", (("2.15.0", 2), ("2.14.0", 1))))
COMMAND = "make sweep EXP=momentum PROFILE=digits SEEDS=3"
HOSTILE = "</script><script>alert(1)</script>"
NOTHING = LeftOut("no trial recorded it")


def charts_of(table: AblationTable) -> tuple[ReportChart, ...]:
    return report_charts(axis_figure(table), TrainingFigures(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING), NOTHING)


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
    assert [address for address in loads.addresses if not address.startswith("#")] == []
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
    assert page.count("Not drawn: no trial recorded it.") == 6


def test_the_report_answers_its_question(page: str, momentum_table: AblationTable) -> None:
    assert f'<p class="answer">{escape(answer(momentum_table))}</p>' in page


def test_its_contents_lead_to_what_is_there(page: str) -> None:
    places = re.findall(r'<a href="#([\w-]+)">', page)
    assert len(places) == 10
    assert all(f'id="{place}"' in page for place in places)


def test_every_seed_has_its_value(page: str) -> None:
    rows = dict(re.findall(r'<tr><th scope="row">([^<]*)</th>((?:<td class="number">[^<]*</td>)+)</tr>', page))
    assert re.findall(r"<td[^>]*>([^<]*)<", rows["key momentum 0.5"]) == ["52.00 collapsed", "76.00", ""]
    assert re.findall(r"<td[^>]*>([^<]*)<", rows["key momentum 1.0"]) == ["failed", "85.00", ""]


def test_settings_that_vary_stand_before_those_that_all_share(momentum_table: AblationTable) -> None:
    settings = (Fact("method.name", (("moco", 3),)), Fact("train.epochs", (("100", 2), ("50", 1))))
    page = report_html(momentum_table, charts_of(momentum_table), FACTS, COMMAND, settings)
    varying, shared = page.partition("Settings that all trials share")[::2]
    assert "<dt>train.epochs</dt><dd>100 (2 trials), 50 (1 trials)</dd>" in varying
    assert "<dt>method.name</dt><dd>moco</dd>" in shared


def test_figures_and_script_are_packed(page: str) -> None:
    packed = re.search(r'id="plotly">([^<]*)<', page)
    assert packed is not None
    assert decompress(b64decode(packed[1])).decode() == get_plotlyjs()
    assert len(page) < 2.2e6


def test_names_from_the_store_are_text(momentum_table: AblationTable) -> None:
    trials = tuple(replace(trial, cell=HOSTILE, run_id=HOSTILE) for trial in momentum_table.trials)
    rows = tuple(replace(row, axes={"method.key_momentum": HOSTILE}) for row in momentum_table.rows)
    table = replace(momentum_table, title=HOSTILE, trials=trials, rows=rows)
    hostile = report_html(table, charts_of(table), (Fact(HOSTILE, ((HOSTILE, 1),)),), HOSTILE)
    assert Loads(hostile).scripts == 3
    assert HOSTILE not in hostile
