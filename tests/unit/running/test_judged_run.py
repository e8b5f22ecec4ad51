"""A new question about a trial whose backbone was kept is answered as if the trial had been trained for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import DataError
from ftlab.running.feed import Assignment
from ftlab.running.final_state import UNASKED, load_final_state
from ftlab.running.judged_run import JudgedRun
from ftlab.running.kept_backbones import BACKBONE_TAG, JUDGED_TAG, backbones_folder
from ftlab.running.ranked_run import RankedRun, run_starter
from ftlab.running.trial_run import Run, TrialRun
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.training.backbone_store import BackboneStore
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("_one_thread")

MakeTrial = Callable[..., Trial]

CPU = torch.device("cpu")
SETTINGS = {"train.channels_last": True, "probe.every": 1}


@pytest.fixture
def make_trial(profile: ProfileConfig, home: Home) -> MakeTrial:
    """Resolve the tiny profile's trial on the digits: `make_trial({"probe.few_shot_labels": 3})`."""

    def make(settings: Mapping[str, Any] | None = None, seed: int = 0) -> Trial:
        fingerprint = load_images(DataConfig(), home).fingerprint
        study = single_trial_study("tiny", profile, seed, {**SETTINGS, **(settings or {})})
        (trial,) = expand_trials(study, fingerprint)
        return trial

    return make


def start(trial: Trial, home: Home, **orders: Any) -> Run:
    return run_starter(1, "backbone")(Assignment(trial, **orders), home, CPU, 3600.0)


def trained(trial: Trial, home: Home) -> tuple[list[EpochResult], Mapping[str, str]]:
    run = start(trial, home)
    assert isinstance(run, TrialRun)
    history = [*run.history, *run.epochs()]
    outcome = run.judge()
    assert outcome is not None
    return history, outcome.tags


def without_times(history: list[EpochResult]) -> list[EpochResult]:
    return [
        replace(
            result,
            timestamp=0.0,
            metrics={name: value for name, value in result.metrics.items() if not name.endswith("_seconds")},
            gradient_norms=dict(result.gradient_norms),
        )
        for result in history
    ]


QUESTIONS: list[dict[str, Any]] = [
    {"probe.few_shot_labels": 1},
    {"probe.linear_epochs": 3, "probe.few_shot_draws": 2},
    {"probe.every": 0, "probe.knn_k": 7},
]


@pytest.mark.parametrize(
    "question", [QUESTIONS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in QUESTIONS[1:])]
)
def test_a_new_question_trains_nothing_and_finds_what_training_would(
    question: dict[str, Any], make_trial: MakeTrial, home: Home, tmp_path: Path
) -> None:
    before, asked = make_trial({"probe.every": question.get("probe.every", 1)}), make_trial(question)
    assert before.pretraining_key == asked.pretraining_key
    history, tags = trained(before, home)
    run = start(asked, home)
    assert isinstance(run, JudgedRun)
    assert list(run.epochs()) == []
    expected, _ = trained(asked, Home(str(tmp_path / "elsewhere")))
    assert without_times(run.history) == without_times(expected)
    assert run.history[-1].right != history[-1].right
    assert run.history[:-1] == history[:-1]
    outcome = run.judge()
    assert outcome.tags == {BACKBONE_TAG: tags[BACKBONE_TAG], JUDGED_TAG: before.key}


@pytest.mark.slow
def test_only_the_probes_of_the_question_are_taken(make_trial: MakeTrial, home: Home) -> None:
    history, _ = trained(make_trial(), home)
    run = start(make_trial({"probe.few_shot_labels": 1}), home)
    changed = {name for name, value in run.history[-1].metrics.items() if history[-1].metrics[name] != value}
    assert changed == {"probe/few_shot_top1"}
    assert run.history[-1].timestamp == history[-1].timestamp


def test_the_same_trial_is_as_it_was_recorded(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    history, _ = trained(trial, home)
    assert start(trial, home).history == history


def test_what_shares_nothing_or_leaves_checkpoints_is_trained(make_trial: MakeTrial, home: Home) -> None:
    trained(make_trial(), home)
    asked = make_trial({"probe.few_shot_labels": 1})
    assert isinstance(start(asked, home, share=False), TrialRun)
    assert isinstance(start(asked, home, fork_epochs=frozenset({1})), TrialRun)


@pytest.mark.slow
def test_another_training_is_trained(make_trial: MakeTrial, home: Home) -> None:
    trained(make_trial(), home)
    for other in (make_trial({"train.learning_rate": 0.02}), make_trial(seed=1), make_trial({"probe.knn_k": 7})):
        assert isinstance(start(other, home), TrialRun)


@pytest.mark.slow
def test_a_damaged_backbone_is_named_and_made_again(make_trial: MakeTrial, home: Home) -> None:
    trial, asked = make_trial(), make_trial({"probe.few_shot_labels": 1})
    trained(trial, home)
    (path,) = (home / "backbones").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    for checkpoint in (home / "checkpoints").iterdir():
        checkpoint.unlink()
    run = start(asked, home)
    assert isinstance(run, TrialRun)
    assert "it is truncated or altered. The trial is trained again." in run.warning
    assert [result.epoch for result in run.epochs()] == [1, 2]
    assert isinstance(start(trial, home), JudgedRun)


def test_other_images_are_refused(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    trained(trial, home)
    elsewhere = replace(make_trial({"probe.few_shot_labels": 1}), fingerprint="0" * 32)
    (name,) = backbones_folder(home).names()
    path = home / "backbones" / name
    path.rename(path.with_name(name.replace(trial.pretraining_key, elsewhere.pretraining_key)))
    with pytest.raises(DataError, match="differ: fingerprint"):
        start(elsewhere, home)


@pytest.mark.slow
def test_a_trial_that_was_killed_at_its_end_keeps_its_backbone(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    list(TrialRun(Assignment(trial), home, CPU, 0.0).epochs())
    assert BackboneStore(backbones_folder(home)).keys() == set()
    assert TrialRun(Assignment(trial), home, CPU, 0.0, keep="backbone").history
    assert BackboneStore(backbones_folder(home)).keys() == {trial.pretraining_key}


@pytest.mark.slow
def test_the_last_checkpoint_may_stay_too(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    list(TrialRun(Assignment(trial), home, CPU, 0.0, keep="checkpoint").epochs())
    names = backbones_folder(home).names()
    assert len(names) == 2
    assert f"{trial.pretraining_key}.ckpt" in names


@pytest.mark.slow
def test_a_full_disk_costs_the_backbone_and_no_result(make_trial: MakeTrial, home: Home) -> None:
    (home / "backbones").parent.mkdir(parents=True, exist_ok=True)
    (home / "backbones").write_text("a file in its place")
    run = TrialRun(Assignment(make_trial()), home, CPU, 3600.0, keep="backbone")
    list(run.epochs())
    assert run.judge() is not None
    assert run.warning.startswith("The backbone was not kept:")


def test_the_final_state_is_that_of_the_kept_backbone(make_trial: MakeTrial, home: Home) -> None:
    trial, asked = make_trial(), make_trial({"probe.few_shot_labels": 1})
    trained(trial, home)
    whole = load_final_state(trial, home)
    for checkpoint in (home / "checkpoints").iterdir():
        checkpoint.unlink()
    kept = load_final_state(trial, home)
    assert kept["history"] == whole["history"]
    assert kept["method"].keys() == {name for name in whole["method"] if name.startswith("query_encoder.")}
    assert all(torch.equal(value, whole["method"][name]) for name, value in kept["method"].items())
    assert (kept[UNASKED], load_final_state(asked, home)[UNASKED]) == (set(), {"probe/few_shot_top1"})


@pytest.mark.slow
def test_processes_that_train_together_keep_one_backbone(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial({"model.bn_groups": 2})
    run = run_starter(2, "backbone")(Assignment(trial), home, CPU, 3600.0)
    assert isinstance(run, RankedRun)
    history = [*run.history, *run.epochs()]
    outcome = run.judge()
    assert outcome is not None
    assert outcome.tags[BACKBONE_TAG]
    judged = start(make_trial({"model.bn_groups": 2, "probe.few_shot_labels": 1}), home)
    assert isinstance(judged, JudgedRun)
    assert judged.history[:-1] == history[:-1]
