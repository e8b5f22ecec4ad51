"""Features of a backbone and a data set are computed once, kept within the budget, and made again where damaged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import make_method
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.running.feed import Assignment
from ftlab.running.judged_run import JudgedRun
from ftlab.running.judging.kept_features import KeptFeatures, feature_key
from ftlab.running.ranked_run import run_starter
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.running.trial_run import TrialRun
from ftlab.storage.local import LocalFolder
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.study.transfer import data_of, make_transfer
from ftlab.training.evaluation.features import Features

pytestmark = pytest.mark.usefixtures("_one_thread")

MakeTrial = Callable[..., Trial]

CPU = torch.device("cpu")
KEY = "0123456789abcdef" * 2
FEATURES = Features(
    train=torch.arange(6.0).reshape(3, 2).T / 7,
    train_labels=torch.tensor([0, 1]),
    test=torch.tensor([[float("nan"), 1e-30]]),
    test_labels=torch.tensor([1]),
    num_classes=2,
)
SIZE = 6 * 4 + 2 * 8 + 2 * 4 + 8


@pytest.fixture
def make_trial(profile: ProfileConfig, home: Home) -> MakeTrial:
    """Resolve the tiny profile's trial on the digits: `make_trial({"probe.few_shot_labels": 3})`."""

    def make(settings: dict[str, Any]) -> Trial:
        study = single_trial_study("tiny", profile, 0, {"probe.every": 0, "train.epochs": 1, **settings})
        (trial,) = expand_trials(study, load_images(DataConfig(), home).fingerprint)
        return trial

    return make


@pytest.fixture
def trained(make_trial: MakeTrial, home: Home) -> Trial:
    trial = make_trial({})
    list(TrialRun(Assignment(trial), home, CPU, 3600.0, keep="backbone").epochs())
    return trial


@contextmanager
def forward_passes(trial: Trial) -> Iterator[list[int]]:
    """Count the images that backbones of a trial's kind see."""
    kind = type(make_method(trial.config, 1, CPU).encoder.backbone)
    assert kind is nn.Sequential
    seen: list[int] = []

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], _output: object) -> None:
        # Around the one that adapts channels stands another of its kind.
        if isinstance(module, nn.Sequential) and not any(isinstance(part, nn.Sequential) for part in module):
            seen.append(len(inputs[0]))

    hook = register_module_forward_hook(count)
    try:
        yield seen
    finally:
        hook.remove()


class Extract:
    """Computes features, and counts."""

    def __init__(self, features: Features = FEATURES) -> None:
        self.features = features
        self.times = 0

    def __call__(self) -> Features:
        self.times += 1
        return self.features


def same(one: Features, other: Features) -> bool:
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("train", "train_labels", "test", "test_labels"))
    return one.num_classes == other.num_classes and all(
        a.dtype == b.dtype and torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in pairs
    )


def files(home: Home) -> list[Path]:
    return sorted((home / "backbones").glob("*.features"))


def test_ten_evaluations_of_a_backbone_see_each_image_once(trained: Trial, make_trial: MakeTrial, home: Home) -> None:
    images = load_images(DataConfig(), home)
    with forward_passes(trained) as seen:
        runs = [
            run_starter(1, "backbone")(Assignment(make_trial({"probe.few_shot_labels": labels})), home, CPU, 3600.0)
            for labels in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11)
        ]
        assert sum(seen) == len(images.train_images) + len(images.test_images)
    assert all(isinstance(run, JudgedRun) for run in runs)
    assert len({run.history[-1].metrics["probe/few_shot_top1"] for run in runs}) > 1


def test_ten_evaluations_on_other_images_see_each_image_once(trained: Trial, make_trial: MakeTrial, home: Home) -> None:
    elsewhere = data_of("digits", trained.config)
    fingerprint = load_images(elsewhere, home).fingerprint
    with forward_passes(trained) as seen:
        found = [
            judge_transfer(
                make_transfer(make_trial({"probe.few_shot_labels": labels}), elsewhere, fingerprint), home, CPU
            ).metrics
            for labels in range(1, 11)
        ]
        images = load_images(elsewhere, home)
        assert sum(seen) == len(images.train_images) + len(images.test_images)
    assert len({metrics["probe/few_shot_top1"] for metrics in found}) > 1
    # The trial's own images, shown as they are, are another question.
    run_starter(1, "backbone")(Assignment(make_trial({"probe.few_shot_labels": 1})), home, CPU, 3600.0)
    assert len(files(home)) == 2


def test_features_come_back_bit_for_bit(home: Home) -> None:
    extract = Extract()
    found = [KeptFeatures(home, CPU).get(KEY, extract) for _ in range(3)]
    assert extract.times == 1
    assert all(same(features, FEATURES) for features in found)


def test_another_backbone_or_question_has_other_features(make_trial: MakeTrial, trained: Trial) -> None:
    config = trained.config
    keys = [
        feature_key("a", config, "data", CPU),
        feature_key("b", config, "data", CPU),
        feature_key("a", config, "other data", CPU),
        feature_key("a", config, "data", CPU, adapted_to="other images"),
        feature_key("a", config, "data", torch.device("cuda")),
        feature_key("a", make_trial({"probe.resize": 9}).config, "data", CPU),
        feature_key("a", make_trial({"train.channels_last": not config.train.channels_last}).config, "data", CPU),
    ]
    assert len(set(keys)) == len(keys)
    assert feature_key("a", make_trial({"probe.knn_k": 3}).config, "data", CPU) == keys[0]


def test_a_damaged_file_is_named_and_made_again(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    extract = Extract()
    for damage in (lambda content: content[:-1], lambda content: b"x" + content[1:], lambda _: b""):
        KeptFeatures(home, CPU).get(KEY, extract)
        (path,) = files(home)
        path.write_bytes(damage(path.read_bytes()))
        times = extract.times
        assert same(KeptFeatures(home, CPU).get(KEY, extract), FEATURES)
        assert extract.times == times + 1
        assert path.name in caplog.text
        assert files(home) == [path]


def test_old_features_make_room_for_new_ones_and_backbones_stay(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LocalFolder(home / "backbones")
    folder.write("key-digest.safetensors", b"x" * 1000)
    one = FEATURES
    large = replace(FEATURES, train=torch.zeros(2, 100))
    KeptFeatures(home, CPU).get("1" * 32, Extract(one))
    monkeypatch.setenv("FTLAB_BACKBONES", "2kB")
    KeptFeatures(home, CPU).get("2" * 32, Extract(large))
    assert [path.name[0] for path in files(home)] == ["2"]
    # Nothing but the backbone could go.
    monkeypatch.setenv("FTLAB_BACKBONES", "1kB")
    extract = Extract(one)
    for _ in range(2):
        KeptFeatures(home, CPU).get("3" * 32, extract)
    assert extract.times == 2
    assert folder.exists("key-digest.safetensors")
    assert [path.name[0] for path in files(home)] == ["2"]


def test_where_nothing_can_be_written_features_are_computed(home: Home) -> None:
    home.local.mkdir(parents=True)
    (home / "backbones").write_text("a file in its place")
    (home / "locks").write_text("a file in its place")
    extract = Extract()
    assert same(KeptFeatures(home, CPU).get(KEY, extract), FEATURES)
    assert extract.times == 1
