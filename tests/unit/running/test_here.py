from collections.abc import Sequence

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here, run_study_here
from ftlab.running.stage_feed import StageFeed
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

CPU = torch.device("cpu")


class Metrics:
    """The listener that keeps each trial's epochs."""

    def __init__(self) -> None:
        self.epochs: dict[str, list[EpochResult]] = {}

    def trial_started(self, trial: Trial) -> None:
        self.epochs[trial.key] = []

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        self.epochs[trial.key] += epochs

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        pass

    def losses(self, trial: Trial) -> list[float]:
        return [epoch.metrics["pretrain/loss"] for epoch in self.epochs[trial.key]]


@pytest.fixture
def trials(profile: ProfileConfig, home: Home) -> list[Trial]:
    """Trials without FT and with FT from the second epoch: they share the first."""
    fingerprint = load_images(DataConfig(), home).fingerprint
    late = {"transform.negatives": "interpolate", "transform.start": 0.5}
    studies = [single_trial_study("tiny", profile, 0, {"train.epochs": 2, **settings}) for settings in ({}, late)]
    return [trial for study in studies for trial in expand_trials(study, fingerprint)]


def test_the_trials_of_a_study_train_one_after_another_and_fork_from_each_other(
    trials: list[Trial], home: Home
) -> None:
    plain, late = trials
    together = Metrics()
    outcomes = run_study_here(StageFeed(trials), home=home, device=CPU, checkpoint_seconds=3600.0, listeners=[together])
    assert [outcomes[trial.key].status.is_result for trial in trials] == [True, True]
    # The second trial restored the first epoch of the first one: it is the same down to its time.
    assert together.epochs[late.key][0] == together.epochs[plain.key][0]
    assert together.losses(late)[1] != together.losses(plain)[1]


@pytest.mark.slow
def test_a_forked_trial_is_what_it_is_alone(
    trials: list[Trial], home: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    late = trials[1]
    together, alone = Metrics(), Metrics()
    run_study_here(StageFeed(trials), home=home, device=CPU, checkpoint_seconds=3600.0, listeners=[together])
    elsewhere = Home(str(tmp_path_factory.mktemp("elsewhere")))
    outcome = run_here(Assignment(late), home=elsewhere, device=CPU, checkpoint_seconds=3600.0, listeners=[alone])
    assert outcome.status in (TrialStatus.FINISHED, TrialStatus.COLLAPSED)
    assert together.losses(late) == alone.losses(late)


@pytest.mark.slow
def test_a_trial_that_cannot_be_compiled_is_trained_all_the_same_and_its_record_says_so(
    profile: ProfileConfig, home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("torch.compile is not supported on this Python")

    monkeypatch.setattr(torch, "compile", refuse)
    fingerprint = load_images(DataConfig(), home).fingerprint
    eager, compiled = (
        expand_trials(single_trial_study("tiny", profile, 0, {"train.compile": on}), fingerprint)[0]
        for on in (False, True)
    )
    witness = Metrics()
    outcomes = [
        run_here(Assignment(trial), home=home, device=CPU, checkpoint_seconds=3600.0, listeners=[witness])
        for trial in (eager, compiled)
    ]
    assert [dict(outcome.tags) for outcome in outcomes] == [
        {},
        {"compile.fallback": "torch.compile is not supported on this Python"},
    ]
    assert witness.losses(compiled) == witness.losses(eager)
    told = "train.compile has no effect, the encoders run eagerly: torch.compile is not supported on this Python"
    assert [record.getMessage() for record in caplog.records if record.name.startswith("ftlab")] == [told]
