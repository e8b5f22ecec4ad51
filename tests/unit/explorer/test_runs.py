from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from explorer.address import Address, cell_mark
from explorer.page_selection import MAX_SHOWN, Run, Selection, select
from explorer.record_store import Snapshot
from explorer.sections.health_section import health_list
from explorer.sections.runs_section import overlay_choices, run_choices, run_list
from explorer.study_view import StudyViews
from ftlab.tracking.memory_tracker import MemoryTracker

Record = Callable[..., None]
Choose = Callable[..., Selection]


@pytest.fixture
def choose(tracker: MemoryTracker) -> Choose:
    """What an address chooses in the store: `choose("old/digits", cell="m=0.9")`."""

    def choose_(study: str, **choices: str | tuple[str, ...]) -> Selection:
        experiment, profile = study.split("/")
        snapshot = Snapshot(tracker.load_trials(), version=1)
        return select(Address(experiment, profile, **choices), snapshot, StudyViews())  # type: ignore[arg-type]

    return choose_


@pytest.fixture
def stored(record_trial: Record) -> None:
    """Two studies of two cells each, two seeds each."""
    for study in ("old/digits", "new/digits"):
        for cell in ("m=0.5", "m=0.9"):
            for seed in range(2):
                settings = {"method.key_momentum": cell[2:], "seed": str(seed)}
                record_trial(study, cell, seed=seed, params=settings, value=80.0 + seed)


def labels(chosen: Selection) -> list[str]:
    return [run.label for run in chosen.runs]


def test_labels_are_as_short_as_tells_runs_apart(choose: Choose, stored: None) -> None:
    assert labels(choose("old/digits", cell="m=0.9")) == ["seed 0", "seed 1"]
    within = choose("old/digits", cell="m=0.9", compare=(cell_mark("old/digits", "m=0.5"),))
    assert labels(within) == ["m=0.9 seed 0", "m=0.5 seed 0", "m=0.9 seed 1", "m=0.5 seed 1"]
    across = choose("old/digits", cell="m=0.9", compare=(cell_mark("new/digits", "m=0.5"),))
    assert [cell.label for cell in across.cells] == ["old: m=0.9", "new: m=0.5"]
    assert across.groups["new: m=0.5 seed 1"] == "new: m=0.5"


def test_a_compared_cell_keeps_its_colour_when_another_is_looked_at(choose: Choose, stored: None) -> None:
    compare = (cell_mark("old/digits", "m=0.5"),)
    places = {cell.name: cell.place for cell in choose("old/digits", cell="m=0.9", compare=compare).cells}
    assert places == {"m=0.9": 0, "m=0.5": 1}
    (only,) = choose("old/digits", cell="m=0.5", compare=compare).cells
    assert (only.name, only.place) == ("m=0.5", 1)


def test_what_the_store_lacks_is_left_out(choose: Choose, stored: None) -> None:
    gone = ("old/digits|gone", "gone/digits|m=0.5", "nonsense")
    chosen = choose("old/digits", cell="m=0.9", compare=gone, run=("gone",), seed=("7",))
    assert [cell.name for cell in chosen.cells] == ["m=0.9"]
    assert chosen.runs == ()


def test_runs_are_chosen_by_seed_and_status(choose: Choose, stored: None, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", seed=2, status="collapsed", params={"method.key_momentum": "0.9"})
    chosen = choose("old/digits", cell="m=0.9", seed=("1", "2"))
    assert labels(chosen) == ["seed 1", "seed 2, collapsed"]
    assert chosen.groups == {"seed 1": "m=0.9"}
    assert labels(choose("old/digits", cell="m=0.9", status=("collapsed",))) == ["seed 2, collapsed"]
    words = str(run_choices(chosen))
    for text in ("Seeds: 0", "Status: finished 2", "Status: collapsed 1"):
        assert f"aria-label='{text}'" in words


def test_too_many_runs_are_the_first_seeds_of_each_cell(choose: Choose, record_trial: Record) -> None:
    for cell in ("m=0.5", "m=0.9"):
        for seed in range(MAX_SHOWN):
            record_trial("old/digits", cell, seed=seed, params={"method.key_momentum": cell[2:]})
    chosen = choose("old/digits", cell="m=0.9", compare=(cell_mark("old/digits", "m=0.5"),))
    assert (len(chosen.runs), chosen.left_out) == (MAX_SHOWN, MAX_SHOWN)
    assert {int(run.record["seed"]) for run in chosen.runs} == set(range(MAX_SHOWN // 2))
    assert "40 more runs are not shown" in str(run_list(chosen, {}))
    assert "Seeds: 0-9" in str(run_choices(chosen))


def test_a_run_is_laid_over_once(choose: Choose, stored: None) -> None:
    chosen = choose("old/digits", cell="m=0.9", run=("new/digits-m=0.5-0", "old/digits-m=0.9-0"))
    assert [run.label for run in chosen.runs if not run.group] == ["new: m=0.5 seed 0"]
    assert len(chosen.runs) == 3


def test_the_list_of_runs_is_sorted_by_a_column(choose: Choose, stored: None) -> None:
    def order(by: str) -> list[str]:
        table, *_ = run_list(choose("old/digits", cell="m=0.9", order=by), {})
        return [row.children[1].children for row in table.children[1].children]

    assert order("") == [0, 1]
    assert order("-value") == [1, 0]


def test_a_search_needs_all_its_words(tracker: MemoryTracker, stored: None) -> None:
    key, trials = "old/digits-m=0.9-1", tracker.load_trials()
    found, *rest = overlay_choices(trials, "old 0.9 SEED 1", Address("new", "digits", run=(key,)))
    (link,) = (item.children for item in found.children)
    assert (link.children, rest) == ("old/digits · m=0.9 seed 1", [])
    assert "run=" not in link.href
    assert "run=" in str(overlay_choices(trials, "old 0.9 SEED 1", Address("new", "digits")))
    assert "No run has these words." in str(overlay_choices(trials, "nothing", Address()))
    assert overlay_choices(trials, " ", Address()) == []


def test_a_running_trial_says_how_far_it_is(choose: Choose, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", status="running", params={"train.epochs": "40"})
    listed = str(run_list(choose("old/digits"), {"old/digits-m=0.9-0": 7}))
    assert "running, epoch 7 of 40" in listed


def test_marks_name_their_runs_and_the_reason() -> None:
    runs: Sequence[Run] = [Run(f"t{seed}", f"seed {seed}", "", 0, {"params": {}}) for seed in range(2)]
    rows = [
        (key, epoch, name, value)
        for key, negative in (("t0", 0.2), ("t1", 0.69))
        for epoch in (1, 2)
        for name, value in (("scores/positive_mean", 0.7), ("scores/negative_mean", negative))
    ]
    metrics = pd.DataFrame(rows, columns=["trial_key", "epoch", "name", "value"])
    steps = pd.DataFrame(columns=["trial_key", "epoch", "step", "name", "value"])
    (item,) = health_list(runs, metrics, steps)
    assert item.children[0].children == "collapse"
    assert "1 of 2 runs (seed 1). Positive scores exceed negative ones by only 0.010" in item.children[1]
    assert "Since epoch 1." in item.children[1]
