import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from typer.testing import CliRunner

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import make_method
from ftlab.cli.command_line import app
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import CheckpointError, ConfigError, DataError, ResultsError
from ftlab.machine.hardware import Hardware
from ftlab.running.checkpoints import CheckpointCollector, checkpoints_folder
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.spec import Trial, load_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult

WriteExperiment = Callable[..., None]
MakeTrained = Callable[..., "Trained"]

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)
METRICS = {"knn/top1": 80.5, "probe/top1": 90.25}


class Ended(NamedTuple):
    out: str
    error: BaseException | None


class Trained(NamedTuple):
    """A trial whose final checkpoint is there, and its weights."""

    trial: Trial
    backbone: torch.nn.Module


def run(*arguments: str) -> Ended:
    result = CliRunner().invoke(app, arguments)
    return Ended(result.output, result.exception)


@pytest.fixture
def make_trained(
    write_experiment: WriteExperiment, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> MakeTrained:
    """Record a trial, made up, and leave its final checkpoint: `make_trained(stem="imagenet")`."""
    monkeypatch.chdir(tmp_path)

    def make(*, backbone: str = "resnet18", stem: str = "cifar", metrics: dict[str, float] = METRICS) -> Trained:
        settings = {"model.backbone": backbone} | ({"model.stem": stem} if backbone != "small_cnn" else {})
        write_experiment("exp", seeds=1, cells=[{"name": "trial", "set": settings}])
        study, store = load_study("exp", "tiny"), MemoryTracker()
        store.open_study(study_record(study))
        [trial] = name_trials(study, home)
        store.open_trial(trial_record(trial, study.results_name, HARDWARE))
        store.log_epochs(trial.key, [EpochResult(2, 0.0, {**METRICS, "train_seconds": 7.0})])
        store.close_trial(trial.key, Outcome(TrialStatus.FINISHED))
        method = make_method(trial.config, num_channels=1, device=torch.device("cpu"))
        weights = {name: value for name, value in method.state_dict().items() if name.startswith("query_encoder")}
        state = {"method": weights, "history": [asdict(EpochResult(2, 0.0, metrics))]}
        CheckpointStore(checkpoints_folder(home)).save(trial.prefix_keys[-1], state)
        monkeypatch.setattr("ftlab.cli.export_command.open_tracker", lambda _: store)
        return Trained(trial, method.query_encoder.backbone.eval())

    return make


def test_what_is_printed_loads_what_is_written(make_trained: MakeTrained) -> None:
    trained = make_trained()
    ended = run("export-backbone", trained.trial.key[:8], "--to", "timm")
    assert ended.error is None
    scope: dict[str, Any] = {}
    exec("\n".join(line.strip() for line in ended.out.splitlines() if line.startswith("  ")), scope)  # noqa: S102
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(scope["model"].eval()(images), trained.backbone(images), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_companion_says_what_the_weights_are(make_trained: MakeTrained, home: Home) -> None:
    trial = make_trained().trial
    assert run("export-backbone", trial.name, "--to", "torchvision", "--output", "deep/a.pth").error is None
    content = json.loads(Path("deep/a.json").read_text())
    assert content["model"] == {"backbone": "resnet18", "stem": "cifar", "num_channels": 1}
    dataset = load_images(trial.config.data, home)
    assert content["input"]["mean"] == list(dataset.channel_mean)
    assert (content["input"]["channels"], content["input"]["size"]) == ("gray", 8)
    provenance = content["provenance"]
    assert (provenance["trial_key"], provenance["data_fingerprint"]) == (trial.key, dataset.fingerprint)
    assert provenance["settings"]["model.backbone"] == "resnet18"
    assert (provenance["metrics"], provenance["differing_metrics_of_these_weights"]) == (METRICS, {})
    assert provenance["exported_by"].startswith("ftlab ")
    assert "hardware.cpu" in provenance["trained_by"]
    assert "hardware.host" not in provenance["trained_by"]


@pytest.mark.slow
def test_weights_that_measure_otherwise_than_recorded_are_named(make_trained: MakeTrained) -> None:
    trial = make_trained(metrics={**METRICS, "probe/top1": 89.5}).trial
    ended = run("export-backbone", trial.key, "--to", "torchvision", "--output", "a.pth")
    assert "linear top-1 (%) of these weights is 89.5, but 90.25 is recorded" in ended.out
    content = json.loads(Path("a.json").read_text())
    assert content["provenance"]["differing_metrics_of_these_weights"] == {"probe/top1": 89.5}


@pytest.mark.slow
def test_detectron2_gets_intensities_to_255(make_trained: MakeTrained, home: Home) -> None:
    trial = make_trained(stem="imagenet").trial
    assert run("export-backbone", trial.key, "--to", "detectron2", "--output", "a.pth").error is None
    mean = load_images(trial.config.data, home).channel_mean[0]
    assert json.loads(Path("a.json").read_text())["input"]["mean"] == [255 * mean]
    assert "stem.conv1.norm.running_mean" in torch.load("a.pth", weights_only=True)["model"]


@pytest.mark.parametrize("there", ["a.pth", "a.json"])
@pytest.mark.slow
def test_a_file_is_replaced_by_force_alone(make_trained: MakeTrained, there: str) -> None:
    trial = make_trained().trial
    Path(there).write_text("mine")
    command = ("export-backbone", trial.key, "--to", "timm", "--output", "a.pth")
    ended = run(*command)
    assert isinstance(ended.error, ResultsError)
    assert f"must not replace a file, but {there} is there" in str(ended.error)
    assert [path.name for path in Path().glob("a.*")] == [there]
    assert run(*command, "--force").error is None
    assert "timm" in Path("a.json").read_text()


def test_an_output_of_another_ending_is_refused(make_trained: MakeTrained) -> None:
    ended = run("export-backbone", make_trained().trial.key, "--to", "timm", "--output", "a.bin")
    assert isinstance(ended.error, ResultsError)
    assert "nearest valid: a.pth" in str(ended.error)


def test_a_checkpoint_that_is_gone_is_brought_back_by_a_command(make_trained: MakeTrained, home: Home) -> None:
    trial = make_trained().trial
    CheckpointCollector(home, "another").collect()
    ended = run("export-backbone", trial.key[:10], "--to", "timm")
    assert isinstance(ended.error, CheckpointError)
    assert f"without recording anything: ftlab export-backbone {trial.key} --to timm --retrain" in str(ended.error)
    assert not Path("backbones").exists()


def test_a_backbone_without_counterpart_is_refused(make_trained: MakeTrained) -> None:
    ended = run("export-backbone", make_trained(backbone="small_cnn").trial.key, "--to", "timm")
    assert isinstance(ended.error, ConfigError)
    assert "small_cnn" in str(ended.error)


def test_images_that_are_not_the_trials_are_refused(make_trained: MakeTrained, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = make_trained().trial

    def others(*arguments: object, **_: object) -> None:
        raise DataError("others")

    monkeypatch.setattr("ftlab.publish.backbone_file.load_images", others)
    assert isinstance(run("export-backbone", trial.key, "--to", "timm").error, DataError)
    assert not Path("backbones").exists()
