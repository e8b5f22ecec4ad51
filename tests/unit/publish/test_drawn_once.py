from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ftlab.config.home import Home
from ftlab.engine.planning import plan_study
from ftlab.machine.hardware import Hardware
from ftlab.publish.results_folder import load_provenance, read_drawn_files, read_table_files
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.figures import drawn_from
from ftlab.reporting.figures.histories import SCORES
from ftlab.reporting.trace.verification import verify_table
from ftlab.running.recorder import study_record, trial_record
from ftlab.storage import made_files
from ftlab.storage.atomic import write_if_changed
from ftlab.study.plan import Plan
from ftlab.study.spec import load_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("decode_once")

ACCURACY, CURVES, REPORT = {"figure.png", "figure.pdf"}, {"score_curves.png", "score_curves.pdf"}, {"report.html"}
HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)

Publish = Callable[..., set[str]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def plan(write_experiment: Callable[..., None], tracker: MemoryTracker, home: Home) -> Plan:
    """A study of two trials, both recorded."""
    write_experiment("exp", grid={"method.key_momentum": [0.9, 0.5]}, baseline="key_momentum=0.9", seeds=1)
    study = load_study("exp", "tiny")
    tracker.open_study(study_record(study))
    found = plan_study(study, home, tracker.load_trials())
    for trial, value in zip(found.trials, (80.0, 82.0), strict=True):
        tracker.open_trial(trial_record(trial, study.results_name, HARDWARE))
        scores = [dict.fromkeys(SCORES, 0.1 * epoch) for epoch in (1, 2)]
        epochs = [EpochResult(epoch, 0.0, {**scores[epoch - 1], found.metric: value}) for epoch in (1, 2)]
        tracker.log_epochs(trial.key, epochs)
        tracker.close_trial(trial.key, Outcome(TrialStatus.FINISHED))
    return found


@pytest.fixture
def publish(plan: Plan, tracker: MemoryTracker, home: Home, results: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publish the table; return the names of the figures and pages that were drawn."""
    drawn: set[str] = set()

    def write(path: Path, content: bytes) -> bool:
        drawn.add(path.name)
        return write_if_changed(path, content)

    monkeypatch.setattr(made_files, "write_if_changed", write)

    def run(recorded: pd.DataFrame | None = None) -> set[str]:
        drawn.clear()
        recorded = tracker.load_trials() if recorded is None else recorded
        options = TableOptions(all_seeds=False)
        publish_table(
            plan.study, plan.trials, recorded, tracker, results, options, home=home, command="make sweep EXP=exp"
        )
        return set(drawn)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_same_table_is_drawn_once(publish: Publish, tracker: MemoryTracker, results: Path) -> None:
    assert publish() == ACCURACY | CURVES | REPORT
    before = files(results)
    assert publish() == set()
    assert files(results) == before
    provenance = load_provenance(results)
    drawn = read_drawn_files(results, provenance.drawn)
    assert verify_table(provenance, read_table_files(results), tracker.load_trials(), drawn).problems == ()


@pytest.mark.slow
def test_an_altered_file_is_drawn_again(publish: Publish, results: Path) -> None:
    publish()
    before = files(results)
    (results / "figures" / "score_curves.pdf").write_bytes(b"altered")
    assert publish() == CURVES
    (results / "report.html").unlink()
    assert publish() == REPORT
    (results / "provenance.json").write_text("{}")
    assert publish() == ACCURACY | CURVES | REPORT
    assert files(results) == before


@pytest.mark.slow
def test_a_changed_number_draws_what_depends_on_it(publish: Publish, plan: Plan, tracker: MemoryTracker) -> None:
    publish()
    recorded = tracker.load_trials()
    recorded[plan.metric] += 1
    assert publish(recorded) == ACCURACY | REPORT


@pytest.mark.slow
def test_a_changed_style_draws_what_depends_on_it(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish()
    code = drawn_from.code_digest
    for medium, redrawn in (("print", ACCURACY | CURVES), ("pages", REPORT)):
        with monkeypatch.context() as patch:
            # As if a file of the medium had changed: the digest of what leaves it out is the same.
            patch.setattr(
                drawn_from,
                "code_digest",
                lambda package, left_out, medium=medium: code(package, left_out) + "x" * (medium not in left_out),
            )
            assert publish() == redrawn
        assert publish() == redrawn
