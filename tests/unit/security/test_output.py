"""Texts of a hostile store or file reach tables, pages and terminals as texts."""

import csv
import gzip
import json
import re
from base64 import b64decode
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple

import pandas as pd
import pytest

from explorer.address import Address
from explorer.app import make_app
from explorer.history_cache import HistoryCache
from explorer.page_selection import select
from explorer.record_store import RecordStore, Snapshot
from explorer.sections.page_text import markup
from explorer.sections.runs_section import run_list
from explorer.sections.settings_section import settings_tables
from explorer.sections.study_section import study_heading, study_table
from explorer.study_view import StudyViews
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.pages.axis_chart import axis_chart
from ftlab.reporting.pages.report import ReportChart, report_html
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.table.trial_facts import Fact
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.markdown import table_md
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv
from ftlab.terminal.console import PlainConsole
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

METRIC = "knn/top1"
SCRIPT = "</script></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'`"
FORMULA = '=HYPERLINK("http://evil.example","click")'
COMMAND = r"\input{/etc/passwd}\write18{id}%$\catcode`\@=11"
PICTURE = "![x](http://evil.example/seen.png) [here](http://evil.example) [a][b]"
HOSTILE = {
    "html": SCRIPT,
    "formula": FORMULA,
    "latex": COMMAND,
    "markdown": PICTURE,
    "control": "=a\x1b[2J\x07b",
    "long": "A" * 10**5,
}


class Texts(NamedTuple):
    """A table in every form."""

    table: AblationTable
    html: str
    csv: str
    trials: str
    tex: str
    md: str


def make_table(text: str) -> AblationTable:
    trials = pd.DataFrame(
        {
            "trial_key": [text],
            "cell_key": ["c"],
            "seed": [0],
            "status": ["finished"],
            "reason": [text],
            "run_id": [text],
            "params": [{text: text}],
            "tags": [{text: text}],
            METRIC: [50.0],
            text: [1.0],
        }
    )
    cells = [Cell(text, {text: text}, (), "c")]
    return ablate(text, cells, trials, metric=METRIC, title=text, protocol=text, baseline=text)


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE)
def texts(request: pytest.FixtureRequest) -> Texts:
    """A table whose every name is hostile."""
    text: str = request.param
    table = make_table(text)
    charts = [ReportChart(text, text, (axis_chart(axis_figure(table)),))]
    page = report_html(table, charts, [Fact(text, ((text, 1), (text, 2)))], text)
    return Texts(table, page, table_csv(table), trials_csv(table), table_tex(table), table_md(table))


def test_a_page_runs_no_script_of_a_name(texts: Texts) -> None:
    assert texts.html.count("</script>") == 3  # figures, Plotly, ours
    assert "<script>alert" not in texts.html
    assert "<img" not in re.sub(r"(?s)<script>.*?</script>", "", texts.html)
    figures = re.search(r'(?s)<script type="text/plain" id="figures">([\w+/=]*)</script>', texts.html)
    assert figures
    assert json.loads(gzip.decompress(b64decode(figures[1])))
    assert "default-src 'none'" in texts.html


def test_a_spreadsheet_runs_no_formula_of_a_name(texts: Texts) -> None:
    for text in (texts.csv, texts.trials):
        rows: Sequence[Sequence[str]] = list(csv.reader(StringIO(text)))
        assert len(rows) == 2
        assert len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "\t", "\r"))]


def test_latex_runs_no_command_of_a_name(texts: Texts) -> None:
    ours = re.sub(r"\\textbackslash\{\}", "", texts.tex)
    assert not re.search(r"\\(input|write|catcode|def|include)", ours)
    body = "\n".join(line for line in ours.splitlines() if not line.lstrip().startswith("%"))
    assert not re.search(r"(?<!\\)%(?!$)", body.replace(r"\sbox0{%", ""))


def test_markdown_loads_nothing_from_elsewhere(texts: Texts) -> None:
    assert not re.search(r"\]\(|\]\[|<(?!sub|/)", texts.md)


def test_no_file_of_text_commands_a_terminal(texts: Texts) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", texts.csv + texts.trials + texts.tex + texts.md)


def test_a_table_of_hostile_names_has_all_its_rows(texts: Texts) -> None:
    assert [row.summary.n for row in texts.table.rows] == [1]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_explorer_runs_no_script_of_a_name(text: str) -> None:
    tracker = MemoryTracker()
    tracker.open_study(StudyRecord(text, f"{text}/digits"))
    tracker.open_trial(TrialRecord(text, text, 0, f"{text}/digits", text, {text: text}, {text: text}))
    tracker.log_epochs(text, [EpochResult(1, 0.0, {METRIC: 1.0})])
    tracker.close_trial(text, Outcome(TrialStatus.FAILED, text))
    trials = tracker.load_trials()
    chosen = select(Address(text, "digits"), Snapshot(trials, version=1), StudyViews())
    parts = (study_table(chosen, trials), study_heading(chosen), run_list(chosen, {}), settings_tables(chosen, trials))
    found = "".join(map(markup, parts))
    assert not re.search(r"<(?!/?(a|b|code|details|div|h1|p|span|strong|summary|sup|t\w+)\b)", found)
    assert not re.search(r"<[^>]*\son\w+=", re.sub('"[^"]*"', "", found))


@pytest.mark.parametrize("study", ['a".exe/digits', "a\r\nSet-Cookie: b/digits", "../../x/digits", "<b>/digits"])
def test_a_download_is_called_what_we_call_it(study: str) -> None:
    tracker = MemoryTracker()
    tracker.open_study(StudyRecord(study, study))
    tracker.open_trial(TrialRecord("k", "c", 0, study, SCRIPT, {}, {}))
    tracker.log_epochs("k", [EpochResult(1, 0.0, {METRIC: 1.0})])
    tracker.close_trial("k", Outcome(TrialStatus.FINISHED, SCRIPT))
    store = RecordStore(lambda: tracker)
    client = make_app(store, StudyViews(), HistoryCache(store)).server.test_client()
    experiment, _, profile = study.rpartition("/")
    got = client.get(
        "/files/table.csv", query_string={"experiment": experiment, "profile": profile}, base_url="http://localhost"
    )
    if got.status_code == 200:
        assert re.fullmatch(r'attachment; filename="[\w.+=~-]+-table\.csv"', got.headers["Content-Disposition"])
        assert got.mimetype == "text/csv"
        assert "Set-Cookie" not in got.headers


@pytest.mark.parametrize(
    "text", ["\x1b]0;title\x07", "\x1b]52;c;cm0gLXJmIC8=\x07", "a\rb", "\x9b2J", "\u202eevil", "\udcff"]
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_terminal_obeys_no_text(text: str, end: str) -> None:
    screen = StringIO()
    console = PlainConsole(file=screen, force_terminal=True, width=80)
    console.print(f"x{text}", markup=False, highlight=False, soft_wrap=True, end=end)
    assert text[0] not in screen.getvalue().removeprefix("x") or text == "a\rb"
    assert "\r" not in screen.getvalue()
    screen.getvalue().encode()
