"""Features as Parquet: what the probes judge, with labels and provenance."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
import torchvision
from typer.testing import CliRunner

from ftlab.assembly.images import load_images
from ftlab.cli.command_line import app
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.weights_file import IMAGENET
from ftlab.engine.planning import name_trials
from ftlab.errors import CheckpointError, ConfigError
from ftlab.machine.hardware import Hardware
from ftlab.publish.feature_file import feature_table, trial_transfers, write_features
from ftlab.running.feed import Assignment
from ftlab.running.recorder import study_record, trial_record
from ftlab.running.trial_run import TrialRun
from ftlab.study.identity import evaluation_keys
from ftlab.study.spec import Trial, load_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.evaluation.features import Features
from ftlab.training.evaluation.few_shot import few_shot_right
from ftlab.training.streams import make_generator

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

CPU = torch.device("cpu")
HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


class Kept(NamedTuple):
    trial: Trial
    few_shot: float


@pytest.fixture
def kept(write_experiment: Callable[..., None], home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kept:
    """A recorded trial whose backbone is kept, and its few-shot accuracy."""
    write_experiment("exp", seeds=1, cells=[{"name": "a"}])
    study, store = load_study("exp", "tiny"), MemoryTracker()
    (trial,) = name_trials(study, home)
    results = list(TrialRun(Assignment(trial), home, CPU, 3600.0, keep="backbone").epochs())
    store.open_study(study_record(study))
    store.open_trial(trial_record(trial, study.results_name, HARDWARE))
    store.log_epochs(trial.key, results)
    store.close_trial(trial.key, Outcome(TrialStatus.FINISHED))
    monkeypatch.setattr("ftlab.cli.export_command.open_tracker", lambda _: store)
    monkeypatch.chdir(tmp_path)
    return Kept(trial, results[-1].metrics["probe/few_shot_top1"])


def test_a_row_is_an_image() -> None:
    train, test = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), torch.tensor([[7.0, 8.0]])
    table = feature_table(
        Features(train, torch.tensor([0, 1, 1]), test, torch.tensor([2]), 3), ["crow", "gull", "wren"]
    )
    frame = table.to_pandas()
    assert frame["split"].tolist() == ["train"] * 3 + ["test"]
    assert frame["image"].tolist() == [0, 1, 2, 0]
    assert frame["label"].tolist() == [0, 1, 1, 2]
    assert frame["class"].tolist() == ["crow", "gull", "gull", "wren"]
    assert np.stack(frame["features"].to_numpy()).tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert str(table.schema.field("features").type) == "fixed_size_list<item: float>[2]"


def test_a_probe_of_the_file_finds_what_the_trial_found(kept: Kept, home: Home) -> None:
    ended = CliRunner().invoke(app, ["features", kept.trial.key[:8]])
    assert ended.exception is None
    path = Path("features") / f"{kept.trial.key}-digits.parquet"
    assert f"{path}: features of digits by a seed 0" in ended.output
    frame = pd.read_parquet(path)
    parts = {split: frame[frame["split"] == split] for split in ("train", "test")}
    rows = {split: torch.tensor(np.stack(part["features"].to_numpy())) for split, part in parts.items()}
    labels = {split: torch.tensor(part["label"].to_numpy(), dtype=torch.int64) for split, part in parts.items()}
    features = Features(rows["train"], labels["train"], rows["test"], labels["test"], 10)
    probe = kept.trial.config.probe
    right = few_shot_right(
        features,
        num_labels=probe.few_shot_labels,
        num_draws=probe.few_shot_draws,
        generator=make_generator(0, "probe"),
    )
    # One rounding more, which may move an image or two.
    assert 100 * right.double().mean().item() == pytest.approx(kept.few_shot, abs=0.5)
    images = load_images(kept.trial.config.data, home)
    assert labels["test"].tolist() == images.test_labels.tolist()


def test_the_file_says_where_it_is_from(kept: Kept, home: Home, tmp_path: Path) -> None:
    trial = kept.trial
    ((task, transfer),) = trial_transfers(trial, ["digits"], home).items()
    path = write_features(transfer, task, tmp_path / "deep", home, CPU)
    before = path.read_bytes()
    assert write_features(transfer, task, tmp_path / "deep", home, CPU).read_bytes() == before
    content = json.loads(pq.read_schema(path).metadata[b"ftlab"])
    images = load_images(trial.config.data, home)
    assert content["written_by"].startswith("ftlab ")
    assert (content["name"], content["backbone"]["trial_key"]) == ("a seed 0", trial.key)
    assert content["backbone"]["settings"]["train.epochs"] == 2
    (backbone,) = (home / "backbones").glob("*.safetensors")
    assert backbone.stem == f"{trial.pretraining_key}-{content['backbone']['digest']}"
    assert content["data"] == {
        "name": "digits",
        "fingerprint": images.fingerprint,
        "classes": list(images.class_names),
    }
    assert content["preprocessing"]["mean"] == list(images.channel_mean)
    assert content["preprocessing"]["size"] == 8
    assert content["evaluation"]["keys"] == evaluation_keys(trial.config, images.fingerprint)
    assert str(tmp_path) not in json.dumps(content)


def test_a_backbone_that_is_gone_is_named(kept: Kept, home: Home) -> None:
    for path in (home / "backbones").iterdir():
        path.unlink()
    ended = CliRunner().invoke(app, ["features", kept.trial.key])
    assert isinstance(ended.exception, CheckpointError)
    assert "the backbone of a seed 0 must be kept, but is gone" in str(ended.exception)
    assert not Path("features").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"but got neither; e\.g\. RUN=<key>, WEIGHTS=FILE"),
        (["key", "--weights", "a.pth"], "but got both"),
        (["--weights", "a.pth", "--model", "resnet19"], r"weights: model: Input should be 'resnet18', .* 'resnet19'"),
        (["key", "--image-size", "8"], r"--image-size describes weights made elsewhere, but got none; add --weights"),
        (["--weights", "a.pth", "--mean", "0.5;0.5"], r"--mean must be numbers, but got '0\.5;0\.5'"),
    ],
)
def test_a_backbone_is_asked_for_in_one_way(arguments: list[str], message: str) -> None:
    ended = CliRunner().invoke(app, ["features", *arguments])
    assert isinstance(ended.exception, ConfigError)
    assert re.search(message, str(ended.exception))


@pytest.mark.slow
def test_weights_made_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = torchvision.models.resnet18()
    torch.save({"state_dict": {f"module.{name}": value for name, value in model.state_dict().items()}}, "theirs.pth")
    options = ["--weights", "theirs.pth", "--prefix", "module.", "--model", "resnet18", "--name", "MoCo v2/ours"]
    ended = CliRunner().invoke(app, ["features", *options, "--on", "digits", "--output", "out"])
    assert ended.exception is None
    assert "dropped: module.fc." in ended.output
    (path,) = Path("out").iterdir()
    assert path.name == "MoCo_v2_ours-digits.parquet"
    content = json.loads(pq.read_schema(path).metadata[b"ftlab"])
    assert content["backbone"]["file"] == "theirs.pth"
    assert content["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    found = np.stack(pd.read_parquet(path)["features"].to_numpy()[:8])
    grey = torch.tensor(load_images(DataConfig(), Home(str(tmp_path / "home"))).train_images[:8] / 255.0)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in IMAGENET)
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        expected = model.eval()((grey.float().expand(-1, 3, -1, -1) - mean) / std)
    torch.testing.assert_close(torch.tensor(found), expected, rtol=0, atol=1e-5)
