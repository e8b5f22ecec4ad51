from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.running.recorder import study_record
from ftlab.search.importance import LEAST_TRIALS, compute_importance
from ftlab.search.results import best_experiment, close_search, make_report, write_search_results
from ftlab.search.scope import SearchSpec
from ftlab.study.spec import resolve_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import trials_frame

MakeSearch = Callable[..., SearchSpec]
OpenLaboratory = Callable[..., Any]

HAND_MADE = {"name": "hand-made", "set": {"transform.start": 0.3}}


def frame(laboratory: Any) -> Any:
    names = {
        "cell_key": "c",
        "seed": 0,
        "status": "finished",
        "reason": "",
        "experiment": "s",
        "study": "s",
        "name": "n",
    }
    return trials_frame(
        [{"trial_key": trial.key, "run_id": f"run of {trial.cell}", **names} for trial in laboratory.trained]
    )


@pytest.mark.slow
def test_the_best_is_an_experiment_that_loads(
    make_search: MakeSearch, open_laboratory: OpenLaboratory, profile: ProfileConfig
) -> None:
    spec = make_search(enqueue=[HAND_MADE], num_trials=8, user={"train.learning_rate": 0.05})
    laboratory = open_laboratory(spec)
    laboratory.train()
    report = make_report(spec, laboratory.ledger, frame(laboratory))
    text = best_experiment(spec, report)
    assert text is not None
    assert "# Command:   make sweep EXP=s_best PROFILE=tiny" in text
    study = resolve_study("s_best", ExperimentConfig.model_validate(yaml.safe_load(text)), "tiny", profile)
    assert [cell.name for cell in study.cells] == ["hand-made", "best"]
    assert (study.baseline, study.seeds) == ("hand-made", (0, 1, 2))
    by_key = {trial.key: trial.config for trial in laboratory.trained}
    assert study.cells[0].config == spec.study.cells[0].config
    assert report.best is not None
    assert study.cells[1].config == by_key[report.best.trial_keys[0]]
    assert report.best.run_ids == (f"run of {report.best.name}",)


def test_nothing_better_is_said(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    spec = make_search(enqueue=[HAND_MADE], num_trials=2)
    laboratory = open_laboratory(spec)
    assert best_experiment(spec, make_report(spec, laboratory.ledger, trials_frame([]))) is None
    laboratory.end(laboratory.next_trial(), 99.0)
    laboratory.end(laboratory.next_trial(), 80.0)
    text = best_experiment(spec, make_report(spec, laboratory.ledger, trials_frame([])))
    assert text is not None
    assert "# The search found nothing better than what was known." in text
    assert [cell["name"] for cell in yaml.safe_load(text)["cells"]] == ["hand-made"]


@pytest.mark.slow
def test_the_front_is_an_experiment_too(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    space = {"train.epochs": {"kind": "choice", "choices": ["0.5x", "1x"]}}
    space["method.temperature"] = {"kind": "float", "low": 0.03, "high": 0.5}
    spec = make_search(space=space, objectives=["accuracy", "cost"], num_trials=6)
    laboratory = open_laboratory(spec)
    laboratory.train()
    report = make_report(spec, laboratory.ledger, trials_frame([]))
    text = best_experiment(spec, report)
    assert text is not None
    cells = yaml.safe_load(text)["cells"]
    assert cells[0] == {"name": "profile", "set": {}}
    assert [cell["name"] for cell in cells[1:]] == [f"{trial.name} of s" for trial in report.front]


@pytest.mark.slow
def test_importance_finds_what_decides(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    laboratory = open_laboratory(make_search(num_trials=30, sampler={"startup_trials": 30}, user={"train.epochs": 10}))

    def evaluate() -> None:
        trial = laboratory.next_trial()
        laboratory.end(trial, 100.0 * trial.config.method.temperature)

    for _ in range(LEAST_TRIALS - 1):
        evaluate()
    (too_few,) = compute_importance(laboratory.ledger.study)
    assert (too_few.shares, too_few.num_trials) == ({}, LEAST_TRIALS - 1)
    assert "Too few trials" in too_few.note
    while not laboratory.feed.is_exhausted:
        evaluate()
    (importance,) = compute_importance(laboratory.ledger.study)
    assert next(iter(importance.shares)) == "method.temperature"
    assert importance.shares["method.temperature"] > 80.0
    assert sum(importance.shares.values()) == pytest.approx(100.0)
    assert (importance.note, importance.num_trials) == ("", 30)
    assert compute_importance(laboratory.ledger.study) == (importance,)


@pytest.mark.slow
def test_importance_names_what_it_leaves_out(make_search: MakeSearch, open_laboratory: OpenLaboratory) -> None:
    space = {
        "transform.positives": {"kind": "choice", "choices": ["none", "extrapolate"]},
        "transform.alpha_extrapolation": {"kind": "float", "low": 0.1, "high": 10.0},
        "method.temperature": {"kind": "float", "low": 0.03, "high": 0.5},
    }
    laboratory = open_laboratory(make_search(space=space, overrides={}, num_trials=LEAST_TRIALS))
    while not laboratory.feed.is_exhausted:
        trial = laboratory.next_trial()
        laboratory.end(trial, 100.0 * trial.config.method.temperature)
    (importance,) = compute_importance(laboratory.ledger.study)
    assert set(importance.shares) == {"transform.positives", "method.temperature"}
    assert "Only 20 finished trials" in importance.note
    assert "Left out, since not every trial has them: transform.alpha_extrapolation." in importance.note


@pytest.mark.slow
def test_results_are_attached_to_the_parent_run(
    make_search: MakeSearch,
    open_laboratory: OpenLaboratory,
    write_experiment: Callable[..., None],
    tmp_path: Path,
) -> None:
    write_experiment("s", space={})
    spec = make_search(enqueue=[HAND_MADE], num_trials=6)
    laboratory = open_laboratory(spec)
    laboratory.train()
    report = make_report(spec, laboratory.ledger, trials_frame([]))
    paths = write_search_results(spec, report, tmp_path / "results")
    names = {path.name for path in paths}
    assert {"search.md", "trials.csv", "importance.csv", "history.png", "best.yaml"} <= names
    assert "importance.png" not in names  # six trials are too few
    assert all(path.stat().st_size for path in paths)
    assert "pareto.csv" not in names
    tracker = MemoryTracker()
    tracker.open_study(study_record(spec.study))
    close_search(tracker, spec, report, tmp_path / "results", complete=True)
    end = tracker.study_ends["s/tiny"]
    assert end.complete
    assert end.description.startswith("# Which?")
    assert {*names, "s.yaml", "profiles-tiny.yaml"} == set(end.artifacts)
