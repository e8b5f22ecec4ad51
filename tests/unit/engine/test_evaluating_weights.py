"""Weights made elsewhere are judged beside kept backbones, in a row of their own."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import method_class
from ftlab.config.home import Home
from ftlab.config.weights_file import WeightsConfig
from ftlab.encoders.export import backbone_state, library_weights
from ftlab.engine.evaluating import run_evaluation
from ftlab.engine.judging.evaluation_plan import plan_evaluation
from ftlab.engine.planning import name_trials
from ftlab.errors import CheckpointError, ConfigError
from ftlab.machine.capacity import Capacity
from ftlab.publish.task_files import verify_task_files
from ftlab.running.feed import Assignment
from ftlab.running.final_state import load_final_state
from ftlab.running.floor_records import FloorRecord
from ftlab.running.kept_backbones import JUDGED_TAG
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.running.trial_run import TrialRun
from ftlab.study.spec import StudySpec, load_study
from ftlab.study.transfer import AnyTransfer, make_transfer
from ftlab.tracking.memory_tracker import MemoryTracker

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path: Path) -> WeightsConfig:
    torch.manual_seed(0)
    path = tmp_path / "theirs.pth"
    torch.save({"state_dict": torchvision.models.resnet18().state_dict()}, path)
    return WeightsConfig(file=str(path), model="resnet18")


@pytest.fixture
def study(write_experiment: Callable[..., None], weights: WeightsConfig) -> StudySpec:
    write_experiment("exp", seeds=1, cells=[{"name": "a"}], weights=[weights.model_dump()])
    return load_study("exp", "tiny")


def judge_as_told(transfers: Sequence[AnyTransfer], home: Home) -> Iterator[tuple[AnyTransfer, FloorRecord | str]]:
    for transfer in transfers:
        yield transfer, FloorRecord({"probe/few_shot_top1": 65.5}, {}, 10)


def judge_none(transfers: Sequence[AnyTransfer], home: Home) -> Iterator[tuple[AnyTransfer, FloorRecord | str]]:
    pytest.fail(f"{len(transfers)} are judged again")
    yield from ()


@pytest.mark.slow
def test_they_are_a_row_of_the_table_and_judged_once(
    study: StudySpec, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, tracker = tmp_path / "results", MemoryTracker()
    assert run_evaluation(study, ["digits"], Capacity(None, 0), results, judge_as_told, tracker) == 0
    out = capsys.readouterr().out
    assert "theirs: made elsewhere, resnet18 of theirs.pth, weights of digest " in out
    assert "1 evaluations: 1 to judge" in out
    with (results / "exp" / "tiny" / "transfer.csv").open() as file:
        rows = {row["cell"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a", "theirs"]
    assert float(rows["theirs"]["mean"]) == 65.5
    assert rows["a"]["mean"] == ""
    assert "theirs: made elsewhere, resnet18 of theirs.pth" in (results / "exp" / "tiny" / "transfer.md").read_text()
    assert run_evaluation(study, ["digits"], Capacity(None, 0), results, judge_none, tracker) == 0
    (recorded,) = tracker.load_trials().to_dict("records")
    (digest,) = {one.digest for one in plan_evaluation(study, ["digits"], home).transfers["digits"]}
    assert recorded["tags"][JUDGED_TAG] == f"weights {digest}"
    assert recorded["probe/few_shot_top1"] == 65.5
    # Nobody knows by which settings they were trained.
    assert "key.pretraining" not in recorded["tags"]
    assert {name.partition(".")[0] for name in recorded["params"]} <= {"data", "probe", "views", "seed"}
    assert verify_task_files(results / "exp" / "tiny", tracker.load_trials()).problems == ()


def test_a_key_knows_weights_images_and_how_they_are_seen(study: StudySpec, home: Home, tmp_path: Path) -> None:
    (weights,) = study.weights

    def key(study: StudySpec = study, **changed: Any) -> str:
        found = plan_evaluation(replace(study, weights=(weights.model_copy(update=changed),)), ["digits"], home)
        return found.transfers["digits"][0].key

    moved = tmp_path / "moved.pth"
    moved.write_bytes(Path(weights.file).read_bytes())
    assert key(file=str(moved), name="other") == key()
    state = torch.load(weights.file, weights_only=True)
    state["state_dict"]["bn1.bias"] += 1
    torch.save(state, moved)
    asked = load_study("exp", "tiny", overrides={"probe.few_shot_labels": 1})
    others = [key(file=str(moved)), key(mean=(0.5,) * 3, std=(0.5,) * 3), key(asked)]
    assert len({key(), *others}) == 4


def test_another_size_is_that_of_the_images(study: StudySpec, home: Home) -> None:
    (weights,) = study.weights
    larger = replace(study, weights=(weights.model_copy(update={"image_size": 16}),))
    (transfer,) = plan_evaluation(larger, ["digits"], home).transfers["digits"]
    assert transfer.config.view_size == 16
    assert transfer.key != plan_evaluation(study, ["digits"], home).transfers["digits"][0].key
    assert load_images(transfer.config.data, home, fingerprint=transfer.fingerprint).train_images.shape[1:] == (
        1,
        16,
        16,
    )


def test_a_file_that_changes_meanwhile_is_refused(study: StudySpec, home: Home) -> None:
    (transfer,) = plan_evaluation(study, ["digits"], home).transfers["digits"]
    torch.manual_seed(1)
    torch.save(torchvision.models.resnet18().state_dict(), study.weights[0].file)
    with pytest.raises(CheckpointError, match=r"theirs\.pth must hold the weights that this command began with"):
        judge_transfer(transfer, home, CPU)


def test_rows_have_names_of_their_own(study: StudySpec, home: Home) -> None:
    (weights,) = study.weights
    twice = replace(study, weights=(weights, weights))
    with pytest.raises(
        ConfigError, match=r"'theirs', of .*theirs\.pth, is there already; nearest valid: NAME=theirs-2"
    ):
        plan_evaluation(twice, ["digits"], home)
    with pytest.raises(ConfigError, match="a name of its own, but 'a', of"):
        plan_evaluation(replace(study, weights=(weights.model_copy(update={"name": "a"}),)), ["digits"], home)


def test_projections_are_not_compared_with_features(study: StudySpec, home: Home) -> None:
    asked = load_study("exp", "tiny", overrides={"probe.knn_features": "embedding"})
    with pytest.raises(ConfigError, match=r"have no projections, .* nearest valid: probe\.knn_features=backbone"):
        plan_evaluation(asked, ["digits"], home)


@pytest.mark.slow
def test_an_exported_backbone_is_judged_as_the_kept_one(
    write_experiment: Callable[..., None], home: Home, tmp_path: Path
) -> None:
    settings = {"model.backbone": "resnet18", "model.stem": "imagenet"}
    write_experiment("exp", seeds=1, cells=[{"name": "a", "set": settings}])
    study = load_study("exp", "tiny")
    (trial,) = name_trials(study, home)
    list(TrialRun(Assignment(trial), home, CPU, 3600.0, keep="backbone").epochs())
    state = load_final_state(trial, home)["method"]
    backbone = backbone_state(state, method_class(trial.config.method).encoder_name)
    torch.save(library_weights(backbone, "timm"), tmp_path / "ours.pth")
    images = load_images(trial.config.data, home)
    ours = WeightsConfig(
        file=str(tmp_path / "ours.pth"),
        kind="timm",
        model="resnet18",
        mean=images.channel_mean,
        std=images.channel_std,
    )
    kept, exported = plan_evaluation(replace(study, weights=(ours,)), ["digits"], home).transfers["digits"]
    assert kept.key == make_transfer(trial, kept.config.data, kept.fingerprint).key
    expected, found = judge_transfer(kept, home, CPU), judge_transfer(exported, home, CPU)
    # The groups' statistics are averaged before or after they are written, which may move an image or two.
    assert found.metrics == pytest.approx(expected.metrics, abs=0.5)


@pytest.mark.slow
def test_they_are_fine_tuned_too_and_stay_as_they_are(study: StudySpec, home: Home) -> None:
    settings = {"probe.finetune": True, "probe.finetune_epochs": 1, "probe.finetune_learning_rates": [0.01]}
    asked = load_study("exp", "tiny", overrides=settings)
    (transfer,) = plan_evaluation(asked, ["digits"], home).transfers["digits"]
    found = dict(judge_transfer(transfer, home, CPU).metrics)
    assert found.pop("finetune/top1") >= 0
    (frozen,) = plan_evaluation(study, ["digits"], home).transfers["digits"]
    assert judge_transfer(frozen, home, CPU).metrics == found
