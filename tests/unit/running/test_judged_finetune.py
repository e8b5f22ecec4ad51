"""Fine-tuning and accuracies by class size are found about a kept backbone as they are at the end of a training."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.running.feed import Assignment
from ftlab.running.judged_run import JudgedRun
from ftlab.running.ranked_run import run_starter
from ftlab.running.trial_run import Run, TrialRun
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

BASE = {
    "train.channels_last": True,
    "data.imbalance": 30,
    "probe.every": 0,
    "probe.few_shot_labels": 1,
    "probe.knn_k": 5,
}
FINETUNE = {
    "probe.finetune": True,
    "probe.finetune_epochs": 1,
    "probe.finetune_learning_rates": [0.1],
    "probe.finetune_batch_size": 100,
}
LONG_TAIL = {"probe.long_tail": True}


@pytest.fixture
def make_trial(profile: ProfileConfig, home: Home) -> Callable[..., Trial]:
    def make(settings: Mapping[str, Any]) -> Trial:
        study = single_trial_study("tiny", profile, 0, {**BASE, **settings})
        (trial,) = expand_trials(study, load_images(study.data, home).fingerprint)
        return trial

    return make


def start(trial: Trial, home: Home) -> Run:
    return run_starter(1, "backbone")(Assignment(trial), home, torch.device("cpu"), 3600.0)


def last_epoch(trial: Trial, home: Home) -> EpochResult:
    run = start(trial, home)
    assert isinstance(run, TrialRun)
    return [*run.history, *run.epochs()][-1]


def accuracies(epoch: EpochResult) -> dict[str, float]:
    return {name: value for name, value in epoch.metrics.items() if name.endswith("top1")}


def test_a_kept_backbone_finds_what_a_training_does(
    make_trial: Callable[..., Trial], home: Home, tmp_path: Path
) -> None:
    plain, asked = make_trial({}), make_trial({**FINETUNE, **LONG_TAIL})
    assert plain.pretraining_key == asked.pretraining_key
    before = last_epoch(plain, home)
    judged = start(asked, home)
    assert isinstance(judged, JudgedRun)
    expected = last_epoch(asked, Home(str(tmp_path / "elsewhere")))
    assert accuracies(judged.history[-1]) == accuracies(expected)
    assert judged.history[-1].right == expected.right
    added = accuracies(expected).keys() - accuracies(before).keys()
    by_size = {f"long_tail/{group}_top1" for group in ("balanced", "many", "medium", "few")}
    assert added == {"finetune/top1", *by_size, *(name.replace("long_tail", "finetune") for name in by_size)}
    # One question less takes away its answers.
    again = start(make_trial(LONG_TAIL), home)
    assert accuracies(again.history[-1]).keys() == accuracies(before).keys() | by_size


def test_what_a_trial_does_not_ask_is_no_part_of_its_record(make_trial: Callable[..., Trial], home: Home) -> None:
    asked, plain = make_trial({**FINETUNE, **LONG_TAIL}), make_trial({})
    found = accuracies(last_epoch(asked, home))
    run = start(plain, home)
    assert isinstance(run, JudgedRun)
    kept = ("knn/top1", "probe/few_shot_top1", "probe/top1")
    assert accuracies(run.history[-1]) == {name: found[name] for name in kept}
    assert set(run.history[-1].right) == set(kept)
