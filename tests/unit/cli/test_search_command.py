from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from ftlab.assembly.images import load_images
from ftlab.cli.search_command import app
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import ArtifactError, ConfigError, ResultsError, TrackingError
from ftlab.search.ledger import SearchLedger
from ftlab.search.recorded import RecordedTrials
from ftlab.search.scope import load_search_spec
from ftlab.search.storage import open_storage, storage_uri
from ftlab.search.suggestion_feed import SearchFeed
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

WriteExperiment = Callable[..., None]

SEARCH: dict[str, Any] = {
    "seeds": 1,
    "trials": 2,
    "space": {"method.temperature": {"kind": "float", "low": 0.05, "high": 0.5, "scale": "log"}},
}


class Ended(NamedTuple):
    out: str
    error: BaseException | None
    status: int


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow alone has pages that a search ends with."""
    monkeypatch.setattr("ftlab.engine.search_run.page_lines", lambda *_: ())


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> MemoryTracker:
    """A tracking store in memory, in the place of MLflow."""
    tracker = MemoryTracker()
    monkeypatch.setattr("ftlab.engine.search_run.open_tracker", lambda _: tracker)
    return tracker


def run(*arguments: str) -> Ended:
    result = CliRunner().invoke(app, arguments)
    return Ended(result.output, result.exception, result.exit_code)


def evaluate(home: Home, num_trials: int) -> None:
    """Evaluate configurations with a made-up accuracy, as a search does with trained ones."""
    spec = load_search_spec("s", "tiny")
    fingerprint = load_images(DataConfig(), home).fingerprint
    storage = open_storage(storage_uri(home.local))
    ledger = SearchLedger(spec, fingerprint, storage)
    metric = spec.study.metric
    recorded = RecordedTrials(Journal(home / "trials"), trials_frame([]), study=spec.name, metric=metric, devices=1.0)
    feed = SearchFeed(spec, fingerprint, ledger, recorded)
    for number in range(num_trials):
        assignment = feed.next_assignment()
        assert assignment is not None
        feed.epochs_trained(assignment.trial, [EpochResult(2, 0.0, {metric: 80.0 + number})])
        feed.trial_ended(assignment.trial, Outcome(TrialStatus.FINISHED))
    storage.engine.dispose()


@pytest.mark.slow
def test_a_search_that_is_complete_is_shown_without_training(
    write_experiment: WriteExperiment,
    tracker: MemoryTracker,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_experiment("s", **SEARCH)
    evaluate(home, 2)
    monkeypatch.setattr("ftlab.workers.session.RaySession.start", lambda _: pytest.fail("Ray was started"))
    ended = run("search", "s", "--profile", "tiny", "--results", str(tmp_path / "results"))
    assert (ended.status, ended.error) == (0, None)
    assert "2 configurations: 2 evaluated, 0 to evaluate" in ended.out
    assert "81.0" in ended.out
    assert (tmp_path / "results" / "s" / "tiny" / "best.yaml").is_file()
    assert tracker.study_ends["s/tiny"].complete


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("s", "--set", "method.temperature=0.1"), ConfigError, "an override must not be in the space"),
        (("s", "--trials", "0"), ConfigError, "the number of trials must be at least 1"),
        (("r",), ConfigError, "Did you mean"),
        (("s", "--results", "/proc/results"), ResultsError, "results must be written"),
        (("table",), ConfigError, "must be a search, but is an experiment"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_opened(
    arguments: tuple[str, ...],
    error: type[Exception],
    message: str,
    write_experiment: WriteExperiment,
    home: Home,
) -> None:
    write_experiment("s", **SEARCH)
    write_experiment("rs", **SEARCH)
    write_experiment("table", grid={"method.temperature": [0.1]})
    ended = run("search", *arguments, "--profile", "tiny")
    assert isinstance(ended.error, error)
    assert message in str(ended.error)
    assert not home.local.exists()


def test_a_database_that_does_not_answer_is_named(
    write_experiment: WriteExperiment, tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_experiment("s", **SEARCH)
    monkeypatch.setenv("OPTUNA_STORAGE", "nowhere://127.0.0.1:9/optuna")
    ended = run("search", "s", "--profile", "tiny")
    assert isinstance(ended.error, TrackingError)
    assert "the database of searches must answer" in str(ended.error)
    assert tracker.studies == {}


class RefusingTracker(MemoryTracker):
    """Takes records, and refuses the files of trials."""

    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        super().record_trial(trial, epochs, outcome)
        raise ArtifactError("the disk of artifacts is full")


@pytest.fixture
def ended(
    write_experiment: WriteExperiment, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[MemoryTracker], Ended]:
    """Run a search whose trials the journal has, and the store has not."""
    write_experiment("s", **SEARCH)
    evaluate(home, 2)
    journal = Journal(home / "trials")
    storage = open_storage(storage_uri(home.local))
    spec = load_search_spec("s", "tiny")
    for key in SearchLedger(spec, load_images(DataConfig(), home).fingerprint, storage).trial_keys:
        journal.append_trial(TrialRecord(key, key, 0, spec.name, key, {}))
        journal.append_epochs(key, [EpochResult(epoch, 0.0, {spec.study.metric: 80.0}) for epoch in (1, 2)])
        journal.append_outcome(key, Outcome(TrialStatus.FINISHED))
    storage.engine.dispose()

    def search(tracker: MemoryTracker) -> Ended:
        monkeypatch.setattr("ftlab.engine.search_run.open_tracker", lambda _: tracker)
        return run("search", "s", "--profile", "tiny", "--results", str(tmp_path / "results"))

    return search


@pytest.mark.slow
def test_a_search_brings_what_the_store_did_not_take(ended: Callable[[MemoryTracker], Ended]) -> None:
    tracker = MemoryTracker()
    assert ended(tracker).status == 0
    assert [outcome.status for outcome in tracker.outcomes.values()] == [TrialStatus.FINISHED] * 2


@pytest.mark.slow
def test_a_search_whose_files_are_refused_fails_as_a_sweep_does(ended: Callable[[MemoryTracker], Ended]) -> None:
    tracker = RefusingTracker()
    refused = ended(tracker)
    assert refused.status == 1
    assert "81.0" in refused.out
    assert len(tracker.outcomes) == 2
    assert not tracker.study_ends["s/tiny"].complete
