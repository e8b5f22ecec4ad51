from pathlib import Path

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.home import Home
from ftlab.errors import DataError
from ftlab.running.floor_judge import judge_floor
from ftlab.study.floors import FloorKind, find_floors
from ftlab.study.spec import load_study
from ftlab.training.evaluation.right_images import share_right

CPU = torch.device("cpu")
QUICK = {"probe.linear_epochs": 2, "probe.few_shot_draws": 3}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path))


def test_pixels_and_an_untrained_encoder_are_judged(home: Home) -> None:
    study = load_study("components", "digits", num_seeds=1, overrides=QUICK)
    fingerprint = load_images(study.data, home).fingerprint
    found = {floor.kind: judge_floor(floor, home, CPU) for floor in find_floors(study, fingerprint)}
    pixels, untrained = found[FloorKind.PIXELS], found[FloorKind.UNTRAINED]
    assert pixels.num_classes == untrained.num_classes == 10
    assert pixels.metrics["knn/top1"] > 95.0  # of digits, as in scikit-learn's own example
    assert 30.0 < untrained.metrics["knn/top1"] < pixels.metrics["knn/top1"]
    for record in found.values():
        for name, words in record.right.items():
            assert 100 * share_right(words).mean() == pytest.approx(record.metrics[name])


def test_the_untrained_encoder_is_the_one_that_training_begins_with(home: Home) -> None:
    study = load_study("components", "digits", num_seeds=2, overrides=QUICK)
    dataset = load_images(study.data, home)
    floor = find_floors(study, dataset.fingerprint)[-1]
    trainer = make_trainer(floor.config, dataset, CPU)
    begun = trainer.probe(floor.config.epochs).metrics
    found = judge_floor(floor, home, CPU).metrics
    assert {name: begun[name] for name in found} == found


def test_other_images_are_refused(home: Home) -> None:
    study = load_study("components", "digits", num_seeds=1, overrides=QUICK)
    with pytest.raises(DataError, match="fingerprint"):
        judge_floor(find_floors(study, "another")[0], home, CPU)
