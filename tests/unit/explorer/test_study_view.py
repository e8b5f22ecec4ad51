from collections.abc import Callable

import pytest

from explorer.address import Address
from explorer.page_selection import Selection, select
from explorer.record_store import Snapshot
from explorer.sections.study_section import study_table
from explorer.study_view import StudyViews, study_names, view_study
from ftlab.config.home import ftlab_home
from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig
from ftlab.publish.table import tabulate
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.writers.spreadsheet import table_csv
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.study.floors import find_floors
from ftlab.study.overrides import spell
from ftlab.study.recorded_params import recorded_params
from ftlab.study.spec import expand_trials, load_study
from ftlab.tracking.memory_tracker import MemoryTracker

Record = Callable[..., None]


def shown(tracker: MemoryTracker, study: str, **choices: str) -> Selection:
    """Return what the page of a study shows."""
    snapshot = Snapshot(tracker.load_trials(), version=1)
    return select(Address(*study.split("/"), **choices), snapshot, StudyViews())  # type: ignore[arg-type]


def names(chosen: Selection, tracker: MemoryTracker) -> list[str]:
    """Return the rows of the table of a page, in their order."""
    table = study_table(chosen, tracker.load_trials())[0].children
    return [row.children[1].children[0].children for row in table.children[1].children]


def test_studies_are_named_by_experiment(tracker: MemoryTracker, record_trial: Record) -> None:
    for study in ("momentum/digits", "ft_start/digits", "momentum/cifar10", "momentum/digits+train.epochs=5"):
        record_trial(study, "m=0.9")
    assert study_names(tracker.load_trials()) == {
        "ft_start": ["digits"],
        "momentum": ["cifar10", "digits", "digits+train.epochs=5"],
    }


def test_the_table_is_the_one_that_make_table_writes(tracker: MemoryTracker, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0, 90.5))
    trials = tracker.load_trials()
    study = load_study("queue", "digits")
    fingerprint = trials["tags"].iloc[0]["data.fingerprint"]
    written = tabulate(study, expand_trials(study, fingerprint), trials, TableOptions(all_seeds=True))
    view = view_study("queue/digits", trials)
    assert table_csv(view.table) == table_csv(written)
    assert view.note == ""
    assert view.live is None
    assert len(shown(tracker, "queue/digits", cell="FT").runs) == 2


def test_the_table_has_the_floors_of_the_home(tracker: MemoryTracker, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0, 90.5))
    trials = tracker.load_trials()
    study = load_study("queue", "digits")
    for floor in find_floors(study, trials["tags"].iloc[0]["data.fingerprint"]):
        FloorRecords(ftlab_home()).save(floor.key, FloorRecord({study.metric: 40.0}, {}, 10))
    body = str(study_table(shown(tracker, "queue/digits"), trials)[0])
    for name in ("chance", "raw pixels", "random initialisation"):
        assert f"children='{name}', scope='row'" in body


def test_overrides_are_read_from_the_name_of_the_study(tracker: MemoryTracker, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0,), **{"train.epochs": 5})
    view = view_study("queue/digits+train.epochs=5", tracker.load_trials())
    assert [row.summary.n for row in view.table.rows] == [1, 1, 1, 1]
    assert view.note == ""


@pytest.mark.parametrize(
    "study", ["gone/digits", "momentum/nowhere", "search_ft/digits", "momentum/digits+train.epochs=x"]
)
def test_a_study_whose_file_is_gone_follows_the_records(
    study: str, tracker: MemoryTracker, record_trial: Record
) -> None:
    for momentum in ("0.9", "0.99"):
        for seed in range(2):
            params = {"method.key_momentum": momentum, "train.epochs": "5", "seed": str(seed)}
            record_trial(study, f"m={momentum}", seed=seed, value=80.0 + seed, params=params)
    view = view_study(study, tracker.load_trials())
    assert view.note.startswith("Rows follow the records, since")
    assert [(row.cell, row.summary.mean, row.axes) for row in view.table.rows] == [
        ("m=0.9", 80.5, {"method.key_momentum": "0.9"}),
        ("m=0.99", 80.5, {"method.key_momentum": "0.99"}),
    ]


def test_an_edited_experiment_file_does_not_hide_what_was_recorded(
    tracker: MemoryTracker, record_trial: Record
) -> None:
    record_trial("momentum/digits", "m=0.123")
    view = view_study("momentum/digits", tracker.load_trials())
    assert "asks for other cells now" in view.note
    assert [row.cell for row in view.table.rows] == ["m=0.123"]


def test_cells_of_one_name_stay_apart(tracker: MemoryTracker, record_trial: Record) -> None:
    for momentum in ("0.9", "0.99"):
        record_trial(f"old/{momentum}", "cell", params={"method.key_momentum": momentum})
    trials = tracker.load_trials().assign(study="old/digits")
    assert [row.cell for row in view_study("old/digits", trials).table.rows] == ["cell (1)", "cell (2)"]


def test_cells_differ_in_settings_that_have_an_effect(tracker: MemoryTracker, record_trial: Record) -> None:
    # Trials of before were recorded with every setting.
    before = {name: spell(value) for name, value in flatten(TrialConfig()).items()}
    record_trial("old/digits", "m=0.99", params={**before, "model.stem": "cifar"})
    now = TrialConfig.model_validate({"method": {"key_momentum": 0.9}})
    record_trial("old/digits", "m=0.9", params=recorded_params(now))
    table = view_study("old/digits", tracker.load_trials()).table
    assert {row.cell: dict(row.axes) for row in table.rows} == {
        "m=0.99": {"method.key_momentum": "0.99"},
        "m=0.9": {"method.key_momentum": "0.9"},
    }


def test_running_trials_belong_to_their_cell_and_not_to_its_mean(tracker: MemoryTracker, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", seed=0, value=80.0)
    record_trial("old/digits", "m=0.9", seed=1, status="running", value=10.0)
    trials = tracker.load_trials()
    view = view_study("old/digits", trials)
    assert view.table.rows[0].summary.mean == 80.0
    runs = shown(tracker, "old/digits").runs
    assert [(run.record["status"], run.group) for run in runs] == [("finished", "m=0.9"), ("running", "")]


def test_until_its_seeds_have_ended_a_row_is_neither_bold_nor_judged(
    tracker: MemoryTracker, record_trial: Record
) -> None:
    for momentum, lead in (("0.9", 0.0), ("0.95", 3.0), ("0.99", 5.0)):
        for seed in range(5):
            running = momentum == "0.99" and seed == 4
            params = {"method.key_momentum": momentum}
            status = "running" if running else "finished"
            record_trial(
                "old/digits", f"m={momentum}", seed=seed, status=status, value=80.0 + seed + lead, params=params
            )
    view = view_study("old/digits", tracker.load_trials())
    assert [row.is_best for row in view.table.rows] == [False, False, True]
    assert [(row.is_best, row.n_missing) for row in view.shown.rows] == [(False, 0), (True, 0), (False, 1)]
    body = str(study_table(shown(tracker, "old/digits"), tracker.load_trials())[0])
    assert "provisional, 4 of 5 seeds" in body
    assert body.count("provisional") == 2  # once in words, once as the style of the row


def test_a_row_that_has_not_begun_is_provisional_too(tracker: MemoryTracker, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0, 90.5))
    trials = tracker.load_trials()
    trials = trials[trials["name"] != "FT seed 1"].copy()
    trials.loc[trials["name"] == "2K seed 1", "status"] = "running"
    view = view_study("queue/digits", trials)
    assert {row.cell: row.n_missing for row in view.shown.rows} == {"K": 0, "2K": 1, "FT": 1, "union": 0}


def test_rows_are_found_and_sorted(tracker: MemoryTracker, record_trial: Record) -> None:
    for momentum, value in (("0.9", 80.0), ("0.99", 90.0), ("0.5", 85.0)):
        record_trial("old/digits", f"m={momentum}", value=value, params={"method.key_momentum": momentum})

    def rows(**choices: str) -> list[str]:
        return names(shown(tracker, "old/digits", **choices), tracker)

    assert rows() == ["m=0.5", "m=0.9", "m=0.99"]
    assert rows(sort="-mean") == ["m=0.99", "m=0.5", "m=0.9"]
    assert rows(sort="key momentum", find="key_momentum>0.5") == ["m=0.9", "m=0.99"]
    assert rows(find="m=0.99") == ["m=0.99"]
    assert rows(find="nothing of it") == []


def test_trials_without_a_result_make_a_table_without_numbers(tracker: MemoryTracker, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", status="failed")
    trials = tracker.load_trials().drop(columns="probe/few_shot_top1")
    assert view_study("old/digits", trials).table.rows[0].summary.n == 0


def test_the_row_of_an_unknown_cell_is_the_baseline(tracker: MemoryTracker, record_study: Record) -> None:
    record_study("queue", "digits", values=(88.0,))
    view = view_study("queue/digits", tracker.load_trials())
    assert view.row("2K").cell == "2K"
    assert view.row("nonsense").cell == view.table.baseline
