import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

from explorer.address import Address, cell_mark
from explorer.app import make_app
from explorer.charts.chart_files import CHARTS
from explorer.charts.run_figures import draw_accuracy, draw_courses, draw_distribution, draw_gradients, recorded_span
from explorer.charts.table_figures import draw_axis, draw_differences
from explorer.history_cache import HistoryCache
from explorer.page_selection import Selection, select
from explorer.record_store import RecordStore
from explorer.sections.settings_section import settings_tables
from explorer.study_view import StudyViews
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

METRIC = "probe/few_shot_top1"
BOTH = (cell_mark("old/digits", "m=0.5"),)


@pytest.fixture
def store(tracker: MemoryTracker) -> RecordStore:
    """A study of three cells and five seeds with histories; the last seed of the last cell is running."""
    tracker.open_study(StudyRecord("old", "old/digits"))
    for place, momentum in enumerate(("0.5", "0.9", "0.99")):
        for seed in range(5):
            running = (place, seed) == (2, 4)
            key = f"{momentum}-{seed}"
            settings = {"method.key_momentum": momentum, "train.epochs": "2"}
            tags = {"data.fingerprint": "0123abcd"}
            tracker.open_trial(
                TrialRecord(key, f"cell-{momentum}", seed, "old/digits", f"m={momentum} seed {seed}", settings, tags)
            )
            epochs = [epoch_result(place, seed, epoch) for epoch in ((1,) if running else (1, 2))]
            tracker.log_epochs(key, epochs)
            if not running:
                tracker.close_trial(key, Outcome(TrialStatus.FINISHED))
    return RecordStore(lambda: tracker)


def epoch_result(place: int, seed: int, epoch: int) -> EpochResult:
    value = 80.0 + 4 * place + (seed * (place + 2)) % 3
    metrics = {"scores/positive_mean": 0.5 + 0.1 * place + 0.01 * seed, "knn/top1": value - 10 + epoch}
    if epoch == 2:
        metrics[METRIC] = value
    histograms = {"scores/positive": [0, 0, 1 + seed, 3], "scores/negative": [5, 1, 0, 0]}
    return EpochResult(epoch, 0.0, metrics, histograms, gradient_norms={"conv": 10.0**place, "head": 0.1})


@pytest.fixture
def choose(store: RecordStore) -> Callable[..., Selection]:
    """What an address of the study chooses."""
    snapshot, views = store.snapshot(), StudyViews()
    return lambda **choices: select(Address("old", "digits", **{"cell": "m=0.9", **choices}), snapshot, views)


def named(figure: Any, name: str) -> Any:
    """Return the first trace of a name."""
    return next(trace for trace in figure.data if trace.name == name)


def test_curves_are_means_with_the_range_of_the_seeds(store: RecordStore, choose: Callable[..., Selection]) -> None:
    drawn = draw_courses(choose(compare=BOTH), HistoryCache(store))
    line = named(drawn.figure, "m=0.9")
    assert line.y == pytest.approx([0.6 + 0.02] * 2, abs=1e-6)
    assert named(drawn.figure, "m=0.9, lowest").y == pytest.approx([0.6] * 2, abs=1e-6)
    assert {trace.name for trace in drawn.figure.data if trace.hoverinfo != "skip"} == {"m=0.9", "m=0.5"}
    assert drawn.figure.layout.showlegend is False
    assert list(drawn.data().columns) == ["run", "statistic", "transformed", "epochs", "values", "low", "high"]
    assert len(drawn.data()) == 4


def test_seeds_are_drawn_on_demand(store: RecordStore, choose: Callable[..., Selection]) -> None:
    drawn = draw_accuracy(choose(runs="each"), HistoryCache(store))
    lines = {trace.name: trace.line.width for trace in drawn.figure.data if trace.hoverinfo != "skip"}
    assert lines == {**{f"seed {seed}": 0.9 for seed in range(5)}, "m=0.9": 1.8}


def test_a_running_trial_is_a_line_of_its_own(store: RecordStore, choose: Callable[..., Selection]) -> None:
    drawn = draw_courses(choose(cell="m=0.99"), HistoryCache(store))
    assert named(drawn.figure, "seed 4, running").x.tolist() == [1]
    assert named(drawn.figure, "m=0.99").x.tolist() == [1, 2]


def test_the_distribution_is_that_of_the_epoch(store: RecordStore, choose: Callable[..., Selection]) -> None:
    histories = HistoryCache(store)
    assert recorded_span(choose(), histories) == (1, 2)
    drawn = draw_distribution(choose(epoch="1"), histories)
    assert set(drawn.data()["epoch"]) == {1}
    assert drawn.figure.layout.xaxis.title.text == "score (cosine), epoch 1"
    assert named(drawn.figure, "m=0.9, positives").y[-1] == pytest.approx(2 * 15 / 30, abs=1e-6)


def test_gradient_maps_share_a_scale(store: RecordStore, choose: Callable[..., Selection]) -> None:
    panels = draw_gradients(choose(compare=BOTH), HistoryCache(store))
    assert list(panels) == ["m=0.9", "m=0.5"]
    assert len({(drawn.figure.data[0].zmin, drawn.figure.data[0].zmax) for drawn in panels.values()}) == 1


def test_a_cell_stands_among_the_differences_of_its_table(store: RecordStore, choose: Callable[..., Selection]) -> None:
    drawn = draw_differences(choose(), store.snapshot().trials)
    assert list(drawn.data()["label"]) == ["m=0.5", "m=0.9", "m=0.99"]
    assert drawn.data()["difference"].isna().all()  # a table of records has no baseline


def test_differences_to_a_chosen_cell_are_corrected_for_all_cells(
    store: RecordStore, choose: Callable[..., Selection]
) -> None:
    chosen = choose(compare=BOTH, against=BOTH[0])
    drawn = draw_differences(chosen, store.snapshot().trials)
    lines = drawn.data().set_index("label")
    assert list(lines.index) == ["m=0.9", "m=0.5"]
    assert (lines.at["m=0.5", "is_baseline"], lines.at["m=0.9", "n"]) == (True, 5)
    assert lines.at["m=0.9", "p"] < 0.05
    assert "all differences to m=0.5 (2 in the table)" in drawn.note


def test_a_row_that_is_not_complete_is_marked_in_the_figure(choose: Callable[..., Selection]) -> None:
    drawn = draw_axis(choose().current.view.shown)
    assert list(drawn.data()["label"]) == ["0.5", "0.9", "0.99 (provisional)"]


def test_settings_that_differ_come_first(store: RecordStore, choose: Callable[..., Selection]) -> None:
    first, every = settings_tables(choose(compare=BOTH), store.snapshot().trials)
    rows = [[cell.children for cell in row.children] for row in first.children.children[1].children]
    assert rows == [["method.key_momentum", "0.9", "0.5"]]
    assert "All " in str(every.children[0])


@pytest.fixture
def client(store: RecordStore) -> FlaskClient:
    """A browser of the explorer without a browser."""
    return make_app(store, StudyViews(), HistoryCache(store)).server.test_client()


@pytest.mark.parametrize("name", sorted(CHARTS))
@pytest.mark.slow
def test_every_figure_has_its_data_and_a_pdf(name: str, client: FlaskClient) -> None:
    query = str(Address("old", "digits", "m=0.9", compare=BOTH)).removeprefix("/")
    got = client.get(f"/charts/{name}.csv{query}", headers={"Host": "127.0.0.1"})
    assert len(pd.read_csv(io.BytesIO(got.data))) >= 2
    assert got.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    drawn = client.get(f"/charts/{name}.pdf{query}", headers={"Host": "127.0.0.1"})
    assert drawn.data.startswith(b"%PDF")


@pytest.mark.parametrize("path", ["/charts/secrets.csv", "/charts/courses.exe"])
def test_there_are_no_other_files(path: str, client: FlaskClient) -> None:
    assert client.get(path, headers={"Host": "127.0.0.1"}).status_code == 404
