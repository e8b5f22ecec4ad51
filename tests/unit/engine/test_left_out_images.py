"""What is left out of an image folder is told: on the screen, in the plan, in the run's tags, below the table."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ftlab.cli.command_line import app
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials, plan_study
from ftlab.errors import ConfigError, DataError
from ftlab.machine.hardware import Hardware
from ftlab.publish.table import tabulate
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.printed.notes import table_notes
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.study.fingerprint import check_against_data
from ftlab.study.spec import StudySpec
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.writer import TrackingWriter

MakeStudy = Callable[..., StudySpec]
WriteExperiment = Callable[..., None]

SETTINGS = {
    "data.name": "folder",
    "data.corrupt_images": "skip",
    "train.batch_size": 8,
    "train.epochs": 1,
    "probe.knn_k": 2,
    "probe.few_shot_labels": 1,
}
NOTE = "4 of 28 images cannot be read and are left out, as data.corrupt_images=skip says; the first: train/cat/a.png"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty sound training images and four test images of two classes, four damaged ones, and other files."""
    root = tmp_path / "photos"
    pixels = np.random.default_rng(0)
    for split, number in (("train", 10), ("test", 2)):
        for name in ("cat", "dog"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for position in range(number):
                Image.fromarray(pixels.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{position}.png")
            (folder / "a.png").write_bytes(b"no image")
    (root / "train/cat/.DS_Store").write_bytes(b"")
    return root


def study_of(make_study: MakeStudy, root: Path, **settings: object) -> StudySpec:
    return make_study(cells=[{"name": "a"}], overrides={**SETTINGS, "data.root": str(root), **settings})


@pytest.mark.usefixtures("_one_thread")
def test_a_plan_a_run_and_a_table_tell_what_was_left_out(make_study: MakeStudy, photos: Path, home: Home) -> None:
    study, tracker = study_of(make_study, photos), MemoryTracker()
    tracker.open_study(study_record(study))
    found = plan_study(study, home, tracker.load_trials())
    unreadable, no_images = found.data_notes
    assert unreadable.startswith(f"data: {NOTE} (")
    assert no_images == f"data: files that are no images are left out of {photos}: 1 hidden"

    writer = TrackingWriter(tracker, Journal(home / "trials"), flush_seconds=0.01)
    hardware = Hardware("a CPU", "2", "cpu", threads=1, together=1)
    run_here(
        Assignment(found.todo[0]),
        home=home,
        device=torch.device("cpu"),
        checkpoint_seconds=60.0,
        listeners=[TrialRecorder(study.results_name, writer, hardware)],
    )
    assert writer.close() == []
    recorded = tracker.load_trials()
    assert recorded["tags"][0]["data.skipped"] == "4 of 28"

    table = tabulate(study, found.trials, recorded, TableOptions(all_seeds=False))
    notes = table_notes(table, {"a": "a"}, None)
    assert "Images left out because they could not be read: 4 of 28." in notes


@pytest.mark.slow  # it makes a store
def test_a_command_says_it_once(write_experiment: WriteExperiment, photos: Path) -> None:
    write_experiment("exp", cells=[{"name": "a"}])
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    ended = CliRunner().invoke(app, ["train", "--profile", "tiny", *settings, "--set", f"data.root={photos}"])
    assert ended.exit_code == 0, ended.output
    assert ended.output.count(NOTE) == 1


def test_a_folder_without_such_files_says_nothing(make_study: MakeStudy, photos: Path, home: Home) -> None:
    for path in (*photos.rglob("a.png"), photos / "train/cat/.DS_Store"):
        path.unlink()
    study = study_of(make_study, photos)
    assert plan_study(study, home, MemoryTracker().load_trials()).data_notes == ()


def test_a_single_class_is_refused(make_study: MakeStudy, photos: Path, home: Home, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("cat\n")
    study = study_of(make_study, photos, **{"data.class_list": str(tmp_path / "classes.txt")})
    with pytest.raises(DataError, match=r"at least two classes, .* but folder has 1: cat\."):
        name_trials(study, home)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("num_images", [2, 3, 5, 7, 12, 13, 100])
def test_the_nearest_batch_is_valid(make_study: MakeStudy, groups: int, num_images: int) -> None:
    def config(batch_size: int, groups: int):
        settings = {"train.batch_size": batch_size, "model.bn_groups": groups, "method.queue_size": 1000}
        return make_study(cells=[{"name": "a"}], overrides=settings).cells[0].config

    with pytest.raises(ConfigError, match=r"train\.batch_size must be at most .* nearest valid: ") as refused:
        check_against_data(config(480, groups), num_images, 100, 100)
    found = re.search(r"nearest valid: (\d+)(?: with model\.bn_groups=(\d+))?", str(refused.value))
    assert found is not None
    check_against_data(config(int(found[1]), int(found[2] or groups)), num_images, 100, 100)
