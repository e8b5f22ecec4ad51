"""Kept backbones are judged on other images, once, and what cannot be judged stops nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.engine.evaluating import run_evaluation
from ftlab.engine.judging.evaluation_records import RECORDS
from ftlab.engine.planning import name_trials
from ftlab.errors import CheckpointError, DataError, FtlabError
from ftlab.machine.capacity import Capacity
from ftlab.running.feed import Assignment
from ftlab.running.floor_records import FloorRecord, FloorRecords
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.running.trial_run import TrialRun
from ftlab.study.spec import StudySpec, load_study
from ftlab.study.transfer import Transfer, data_of, make_transfer
from ftlab.terminal.console import INTERRUPTED
from ftlab.tracking.memory_tracker import MemoryTracker

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

CPU = torch.device("cpu")


class Judge:
    """Judges in this process, and counts."""

    def __init__(self) -> None:
        self.judged: list[Transfer] = []

    def __call__(self, transfers: Sequence[Transfer], home: Home) -> Iterator[tuple[Transfer, FloorRecord | str]]:
        for transfer in transfers:
            self.judged.append(transfer)
            try:
                yield transfer, judge_transfer(transfer, home, CPU)
            except FtlabError as error:
                yield transfer, str(error)


@pytest.fixture
def study(write_experiment: Callable[..., None]) -> StudySpec:
    write_experiment("exp", seeds=1, cells=[{"name": "a"}, {"name": "b", "set": {"train.learning_rate": 0.02}}])
    return load_study("exp", "tiny")


@pytest.fixture
def kept(study: StudySpec, home: Home) -> list[Any]:
    """The study's trials, the first of which was trained and its backbone kept."""
    trials = name_trials(study, home)
    list(TrialRun(Assignment(trials[0]), home, CPU, 3600.0, keep="backbone").epochs())
    return trials


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """A folder of coloured images of three classes, which a grey encoder can tell apart a little."""
    generator = np.random.default_rng(0)
    for split, number in (("train", 30), ("test", 10)):
        for label, name in enumerate(("crow", "gull", "wren")):
            folder = tmp_path / "birds" / split / name
            folder.mkdir(parents=True)
            for place in range(number):
                pixels = generator.integers(60 * label, 60 * label + 90, (9, 11, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{place}.png")
    return tmp_path / "birds"


def evaluate(study: StudySpec, results: Path, *places: str) -> tuple[int, Judge]:
    judge = Judge()
    return run_evaluation(study, places, Capacity(None, 0), results, judge, MemoryTracker()), judge


def test_a_backbone_is_judged_on_images_of_a_folder_once(
    study: StudySpec, kept: list[Any], birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, judge = evaluate(study, tmp_path / "results", f"folder:{birds}", "digits")
    out = capsys.readouterr().out
    assert (status, len(judge.judged)) == (0, 2)
    assert "2 evaluations: 2 to judge, 0 judged before; nothing is trained" in out
    assert "not judged, as their backbones are not kept; make sweep trains them: b seed 0" in out
    folder = tmp_path / "results" / "exp" / "tiny"
    assert sorted(path.name for path in folder.iterdir()) == [
        "transfer.csv",
        "transfer.json",
        "transfer.md",
        "transfer.tex",
    ]
    assert "birds, " in (folder / "transfer.md").read_text()
    before = (folder / "transfer.csv").read_bytes()
    status, again = evaluate(study, tmp_path / "results", f"folder:{birds}", "digits")
    assert (status, again.judged) == (0, [])
    assert (folder / "transfer.csv").read_bytes() == before


def test_on_its_own_images_a_backbone_finds_what_its_trial_found(study: StudySpec, kept: list[Any], home: Home) -> None:
    trial = kept[0]
    history = TrialRun(Assignment(trial), home, CPU, 3600.0).history
    transfer = make_transfer(trial, trial.config.data, trial.fingerprint)
    found = judge_transfer(transfer, home, CPU)
    for metric, value in found.metrics.items():
        # One rounding more, which may move an image or two of 500.
        assert value == pytest.approx(history[-1].metrics[metric], abs=0.5)


def test_images_that_cannot_be_used_are_left_out_alone(
    study: StudySpec, kept: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, judge = evaluate(study, tmp_path / "results", "folder:/nowhere/at/all", "digits")
    assert (status, len(judge.judged)) == (1, 1)
    assert "all is left out: " in capsys.readouterr().out


def test_a_class_with_too_few_images_is_said_before_anything_is_judged(
    study: StudySpec, kept: list[Any], birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in sorted((birds / "train" / "gull").iterdir())[1:]:
        path.unlink()
    status, judge = evaluate(study, tmp_path / "results", f"folder:{birds}")
    assert (status, judge.judged) == (1, [])
    assert "probe.few_shot_labels must be at most the smallest class's images" in capsys.readouterr().out


@pytest.mark.slow
def test_a_damaged_backbone_stops_no_other(
    study: StudySpec, kept: list[Any], home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list(TrialRun(Assignment(kept[1]), home, CPU, 3600.0, keep="backbone").epochs())
    (path,) = (home / "backbones").glob(f"{kept[0].pretraining_key}-*")
    path.write_bytes(path.read_bytes()[:-1])
    status, judge = evaluate(study, tmp_path / "results", "digits")
    assert (status, len(judge.judged)) == (1, 2)
    assert "a seed 0 could not be judged: backbone" in capsys.readouterr().err
    own = data_of("digits", kept[1].config)
    key = make_transfer(kept[1], own, load_images(own, home).fingerprint).key
    assert FloorRecords(home, RECORDS).load(key) is not None


@pytest.mark.slow
def test_what_is_gone_or_differs_is_refused(study: StudySpec, kept: list[Any], home: Home) -> None:
    trial = kept[0]
    transfer = make_transfer(trial, trial.config.data, trial.fingerprint)
    with pytest.raises(DataError, match="differ: fingerprint"):
        judge_transfer(replace(transfer, fingerprint="0" * 32), home, CPU)
    for path in (home / "backbones").iterdir():
        path.unlink()
    with pytest.raises(CheckpointError, match="the backbone of a seed 0 must be kept, but is gone"):
        judge_transfer(transfer, home, CPU)


def test_what_was_judged_before_an_interruption_is_kept(
    study: StudySpec, kept: list[Any], birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(Judge):
        def __call__(self, transfers: Sequence[Transfer], home: Home) -> Iterator[tuple[Transfer, FloorRecord | str]]:
            yield next(super().__call__(transfers, home))
            raise KeyboardInterrupt

    places = (f"folder:{birds}", "digits")
    capacity, tracker = Capacity(None, 0), MemoryTracker()
    status = run_evaluation(study, places, capacity, tmp_path / "results", Interrupted(), tracker)
    assert status == INTERRUPTED
    assert "Stopped. What was judged is kept" in capsys.readouterr().out
    status, judge = evaluate(study, tmp_path / "results", *places)
    assert (status, [transfer.config.data.name for transfer in judge.judged]) == (0, ["digits"])
