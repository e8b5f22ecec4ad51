import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ftlab.config.home import Home
from ftlab.engine.closing import close_study
from ftlab.engine.exclusive import exclusive
from ftlab.engine.planning import name_trials, plan_study
from ftlab.errors import ConfigError, DataError, FtlabError
from ftlab.machine.hardware import Hardware
from ftlab.publish.results_folder import read_table_files
from ftlab.publish.table import publish_table, table_origin, tabulate
from ftlab.publish.table_files import load_histories, write_results
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.trace.provenance import parse_provenance
from ftlab.reporting.trace.verification import verify_table
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.recorder import TrialRecorder, study_record, trial_record
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.rule import SeedRule
from ftlab.study.plan import Plan
from ftlab.study.spec import StudySpec, load_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("decode_once")

MakeStudy = Callable[..., StudySpec]
WriteExperiment = Callable[..., None]

GRID = {"method.key_momentum": [0.9, 0.5]}
ALL_SEEDS, OWN_SEEDS = TableOptions(all_seeds=True), TableOptions(all_seeds=False)


@pytest.fixture
def study(write_experiment: WriteExperiment) -> StudySpec:
    write_experiment("exp", grid=GRID, baseline="key_momentum=0.9")
    return load_study("exp", "tiny")


HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


@pytest.fixture
def tracker(study: StudySpec) -> MemoryTracker:
    tracker = MemoryTracker()
    tracker.open_study(study_record(study))
    return tracker


def train(found: Plan, tracker: MemoryTracker, home: Home) -> None:
    """Train what a plan lacks in this process, recorded as a sweep records it."""
    writer = TrackingWriter(tracker, Journal(home / "trials"), flush_seconds=0.01)
    for trial in found.todo:
        run_here(
            Assignment(trial),
            home=home,
            device=torch.device("cpu"),
            checkpoint_seconds=60.0,
            listeners=[TrialRecorder(found.study.results_name, writer, HARDWARE)],
        )
    assert writer.close() == []


def record(found: Plan, tracker: MemoryTracker) -> None:
    """Record made-up results of a plan's four trials: which cell is better depends on the seed."""
    for trial, value in zip(found.trials, (80.0, 82.0, 83.0, 79.125), strict=True):
        tracker.open_trial(trial_record(trial, found.study.results_name, HARDWARE))
        tracker.log_epochs(trial.key, [EpochResult(2, 0.0, {found.metric: value})])
        tracker.close_trial(trial.key, Outcome(TrialStatus.FINISHED))


@pytest.mark.slow
def test_trials_become_a_table_and_files(study: StudySpec, tracker: MemoryTracker, home: Home, tmp_path: Path) -> None:
    found = plan_study(study, home, tracker.load_trials())
    assert len(found.todo) == 4
    train(found, tracker, home)
    recorded = tracker.load_trials()
    assert plan_study(study, home, recorded).todo == ()

    results = tmp_path / "results"
    table = tabulate(study, found.trials, recorded, OWN_SEEDS)
    histories = load_histories(tracker, table, recorded)
    paths = write_results(table, histories, results, recorded, "make sweep")
    assert [row.n_trials for row in table.rows] == [2, 2]
    names = {path.name for path in paths}
    assert {"trials.csv", "table.csv", "table.tex", "table.md", "figure.png", "report.html"} <= names
    assert {"score_curves.pdf", "gradient_landscape.png"} <= {path.name for path in (results / "figures").iterdir()}
    assert tabulate(study, found.trials, recorded, ALL_SEEDS) == table

    close_study(tracker, found, table, results, complete=True)
    end = tracker.study_ends["exp/tiny"]
    assert end.complete
    expected = {"exp.yaml", "profiles-tiny.yaml", "cells.yaml", "plan.json"}
    expected |= {path.relative_to(results).as_posix() for path in paths}
    assert set(end.artifacts) == expected


@pytest.mark.slow
def test_a_published_table_brings_its_provenance(
    study: StudySpec, tracker: MemoryTracker, home: Home, tmp_path: Path
) -> None:
    found = plan_study(study, home, tracker.load_trials())
    record(found, tracker)
    recorded = tracker.load_trials()
    options = {"home": home, "command": "make sweep"}
    table, paths = publish_table(study, found.trials, recorded, tracker, tmp_path, OWN_SEEDS, **options)
    assert paths[-1] == tmp_path / "provenance.json"
    provenance = parse_provenance(paths[-1].read_text(), "provenance.json")
    assert provenance.tabulate(recorded) == table
    assert provenance.origin.seeds == 2
    assert verify_table(provenance, read_table_files(tmp_path), recorded).problems == ()
    written = paths[-1].read_bytes()
    publish_table(study, found.trials, recorded, tracker, tmp_path, OWN_SEEDS, **options)
    assert paths[-1].read_bytes() == written


def test_a_provenance_tells_no_path(make_study: MakeStudy) -> None:
    study = make_study(cells=[{"name": "a"}], overrides={"data.name": "folder", "data.root": "/home/ann/flowers"})
    origin = table_origin(study, "f00d", TableOptions(all_seeds=True, auto=AutoSeeds(max_trials=60)))
    assert origin.overrides == {"data.name": "folder", "data.root": "flowers"}
    assert (origin.seeds, origin.max_trials) == ("auto", 60)


def test_a_table_counts_the_seeds_it_is_asked_for(study: StudySpec, tracker: MemoryTracker, home: Home) -> None:
    found = plan_study(study, home, tracker.load_trials())
    record(found, tracker)
    recorded = tracker.load_trials()
    one = load_study("exp", "tiny", num_seeds=1)
    trials = name_trials(one, home)
    assert [row.n_trials for row in tabulate(one, trials, recorded, OWN_SEEDS).rows] == [1, 1]
    assert [row.n_trials for row in tabulate(one, trials, recorded, ALL_SEEDS).rows] == [2, 2]


@pytest.mark.slow
def test_a_table_of_automatic_seeds_says_why_cells_got_no_more(
    study: StudySpec, tracker: MemoryTracker, home: Home, tmp_path: Path
) -> None:
    found = plan_study(study, home, tracker.load_trials())
    record(found, tracker)
    recorded = tracker.load_trials()
    table = tabulate(study, found.trials, recorded, TableOptions(all_seeds=False, auto=AutoSeeds()))
    assert [row.n_missing for row in table.rows] == [3, 3]
    assert table.seeding is not None
    assert table.seeding.stopped["key_momentum=0.5"] == "open against the baseline"
    write_results(table, load_histories(tracker, table, recorded), tmp_path, recorded, "make sweep SEEDS=auto")
    assert "seeds ended" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "table.csv").read_text().splitlines()[0].endswith(",stopped")
    # Four seeds suffice for this rule, and further ones are beyond it.
    four = TableOptions(all_seeds=True, auto=AutoSeeds(SeedRule(looks=(4,))))
    assert [row.n_missing for row in tabulate(study, found.trials, recorded, four).rows] == [2, 2]


def test_a_bootstrap_of_few_seeds_is_refused(study: StudySpec, tracker: MemoryTracker, home: Home) -> None:
    found = plan_study(study, home, tracker.load_trials())
    record(found, tracker)
    with pytest.raises(ConfigError, match="INTERVAL=bca needs at least 10 seeds of every cell, but got 2"):
        tabulate(study, found.trials, tracker.load_trials(), TableOptions(all_seeds=False, interval="bca"))


def test_trials_of_one_machine_are_alike_in_everything_but_their_axes(
    study: StudySpec, tracker: MemoryTracker, home: Home
) -> None:
    found = plan_study(study, home, tracker.load_trials())
    record(found, tracker)
    table = tabulate(study, found.trials, tracker.load_trials(), OWN_SEEDS)
    assert [row.caveats for row in table.rows] == [(), ()]
    assert table.trials[0].facts["epochs"] == "2"


def test_a_table_says_what_is_missing(study: StudySpec, tracker: MemoryTracker, home: Home) -> None:
    trials = name_trials(study, home)
    table = tabulate(study, trials, tracker.load_trials(), OWN_SEEDS)
    assert [row.n_missing for row in table.rows] == [2, 2]


def test_the_parent_run_tells_question_and_overrides(write_experiment: WriteExperiment) -> None:
    write_experiment("exp", grid=GRID)
    record = study_record(load_study("exp", "tiny", overrides={"train.epochs": 3}))
    assert (record.experiment, record.study) == ("exp", "exp/tiny+train.epochs=3")
    assert record.tags["ftlab.question"] == "Does it work?"
    assert json.loads(record.tags["ftlab.overrides"]) == {"train.epochs": 3}


def test_images_that_are_too_few_are_refused_before_training(write_experiment: WriteExperiment, home: Home) -> None:
    write_experiment("exp", grid=GRID)
    study = load_study("exp", "tiny", overrides={"train.batch_size": 2000, "method.queue_size": 2000})
    with pytest.raises(ConfigError, match=r"train.batch_size must be at most the number of training images, .* 1297"):
        name_trials(study, home)


def test_a_missing_data_set_says_where_it_was_looked_for(
    write_experiment: WriteExperiment, home: Home, tmp_path: Path
) -> None:
    write_experiment("exp", grid=GRID)
    study = load_study("exp", "tiny", overrides={"data.name": "folder", "data.root": str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match=f"{tmp_path}/nowhere/train does not exist"):
        name_trials(study, home)


def test_one_sweep_of_a_study_runs_at_a_time(study: StudySpec, make_study: MakeStudy, home: Home) -> None:
    with exclusive(home, study):
        with (
            pytest.raises(FtlabError, match=r"one sweep at a time, but exp/tiny is running already"),
            exclusive(home, study),
        ):
            pass
        with exclusive(home, make_study(grid=GRID, overrides={"train.epochs": 3})):
            pass
    with exclusive(home, study):
        pass
