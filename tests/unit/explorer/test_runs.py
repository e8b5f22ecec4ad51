from collections.abc import Callable

import pandas as pd

from explorer.run_choice import RunChoice
from explorer.sections.cell_section import matching_runs, run_options
from explorer.sections.health_section import health_list
from ftlab.tracking.memory_tracker import MemoryTracker

Record = Callable[..., None]


def test_labels_are_as_short_as_tells_runs_apart(tracker: MemoryTracker, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", seed=0)
    record_trial("old/digits", "m=0.9", seed=1)
    record_trial("old/digits", "m=0.5", seed=0)
    record_trial("new/digits", "m=0.5", seed=0)
    trials = tracker.load_trials()
    ticked = ["old/digits-m=0.9-0", "old/digits-m=0.9-1"]
    assert list(RunChoice.of(trials, ticked, None).labels.values()) == ["seed 0", "seed 1"]
    other = RunChoice.of(trials, ticked[:1], ["old/digits-m=0.5-0", "gone"])
    assert list(other.labels.values()) == ["m=0.9 seed 0", "m=0.5 seed 0"]
    assert RunChoice.of(trials, ticked[:1], ["new/digits-m=0.5-0"]).labels["new/digits-m=0.5-0"] == (
        "new/digits: m=0.5 seed 0"
    )


def test_a_search_needs_all_its_words_and_keeps_what_is_chosen(tracker: MemoryTracker, record_trial: Record) -> None:
    for cell in ("m=0.9", "m=0.5"):
        for seed in range(2):
            record_trial("old/digits", cell, seed=seed)
    found = matching_runs(tracker.load_trials(), "0.9 SEED 1", ["old/digits-m=0.5-0"])
    assert [run["value"] for run in found] == ["old/digits-m=0.5-0", "old/digits-m=0.9-1"]


def test_a_running_trial_says_how_far_it_is(tracker: MemoryTracker, record_trial: Record) -> None:
    record_trial("old/digits", "m=0.9", status="running", params={"train.epochs": "40"})
    (option,) = run_options(tracker.load_trials(), "knn/top1", {"old/digits-m=0.9-0": 7})
    assert "running, epoch 7 of 40" in str(option["label"])


def test_marks_name_their_runs_and_the_reason() -> None:
    runs = RunChoice(["t0", "t1"], {"t0": "seed 0", "t1": "seed 1"}, {"t0": {}, "t1": {}})
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
