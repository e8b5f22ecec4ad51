"""A table over tasks: probes that are asked alone of kept backbones, on digits and on a long tail of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.engine.evaluating import run_evaluation
from ftlab.engine.planning import name_trials
from ftlab.errors import ConfigError
from ftlab.machine.capacity import Capacity
from ftlab.running.feed import Assignment
from ftlab.running.floor_records import FloorRecord
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.running.trial_run import TrialRun
from ftlab.study.spec import StudySpec, Trial, load_study
from ftlab.study.transfer import Transfer, asked_of, data_of, make_transfer

pytestmark = pytest.mark.usefixtures("_one_thread", "decode_once")

CPU = torch.device("cpu")
PUBLISHED = """cell,value,series,metric,protocol,source
a,60.6,ImageNet-1K,top-1,linear,Table 8
b,61.9,ImageNet-1K,top-1,linear,Table 8
a,65.6,iNat-18,top-1,fine-tuned,Table 8
"""
QUICK = {"finetune_epochs": 1, "finetune_learning_rates": [0.1], "finetune_batch_size": 100}


@pytest.fixture
def study(write_experiment: Callable[..., None], tmp_path: Path) -> StudySpec:
    published = tmp_path / "experiments" / "published"
    published.mkdir(parents=True, exist_ok=True)
    (published / "paper.csv").write_text(PUBLISHED)
    write_experiment(
        "exp",
        seeds=1,
        overrides={"probe.finetune": True, **{f"probe.{name}": value for name, value in QUICK.items()}},
        cells=[{"name": "a"}, {"name": "b", "set": {"train.learning_rate": 0.02}}],
        evaluations=["few_shot:digits", "finetune:digits", "long_tail:digits@100"],
        published_tasks="paper",
    )
    return load_study("exp", "tiny")


@pytest.fixture
def trial(study: StudySpec, home: Home) -> Trial:
    """The study's first trial, trained, with its backbone kept."""
    trial = name_trials(study, home)[0]
    list(TrialRun(Assignment(trial), home, CPU, 3600.0, keep="backbone").epochs())
    return trial


def judge_here(transfers: Sequence[Transfer], home: Home) -> Iterator[tuple[Transfer, FloorRecord | str]]:
    for transfer in transfers:
        yield transfer, judge_transfer(transfer, home, CPU)


def test_tasks_are_judged_by_their_own_probes_and_stand_beside_the_published_ones(
    study: StudySpec, trial: Trial, tmp_path: Path
) -> None:
    status = run_evaluation(study, study.evaluations, Capacity(None, 0), tmp_path / "results", judge_here)
    assert status == 0
    text = (tmp_path / "results" / "exp" / "tiny" / "transfer.md").read_text()
    head, _, row = (line for line in text.splitlines() if line.startswith("|") and "| b |" not in line)
    columns = [
        "cell",
        "digits, few-shot top-1",
        "digits, fine-tuned top-1",
        *(f"digits@100, linear, {group}" for group in ("balanced", "many", "medium", "few")),
        "mean rank",
        "paper: ImageNet-1K",
        "paper: iNat-18",
    ]
    assert head == f"| {' | '.join(columns)} |"
    cells = row.strip("| ").split(" | ")
    assert cells[0] == "a"
    assert cells[-2:] == ["60.6", "65.6"]
    assert all(0 <= float(cell) <= 100 for cell in cells[1:7])
    assert "fine-tuned top-1: encoder and a new linear classifier trained by SGD" in text
    assert "linear, few: linear evaluation, mean over classes with fewer than 20 training images." in text
    assert "Encoders are frozen unless fine-tuned" in text
    assert "Paper: Table 8 (linear; fine-tuned)." in text
    assert "@n: a long tail of the training images" in text


def test_a_probe_that_is_asked_alone_says_what_it_says_beside_others(
    study: StudySpec, trial: Trial, home: Home
) -> None:
    data = data_of("digits", trial.config)
    fingerprint = load_images(data, home).fingerprint
    all_probes, alone = (
        judge_transfer(make_transfer(asked_of(trial, place), data, fingerprint), home, CPU)
        for place in ("digits", "finetune:digits")
    )
    assert alone.metrics == {"finetune/top1": all_probes.metrics["finetune/top1"]}
    assert alone.right == {"finetune/top1": all_probes.right["finetune/top1"]}
    assert all_probes.metrics.keys() == {"knn/top1", "probe/few_shot_top1", "probe/top1", "finetune/top1"}


def test_only_the_images_of_the_probe_that_is_asked_must_be_enough(
    study: StudySpec, trial: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The last class has one image: enough for a linear classifier, not for five labels.
    places = ("linear:digits@100", "few_shot:digits@100", "long_tail:digits")
    assert run_evaluation(study, places, Capacity(None, 0), tmp_path / "results", judge_here) == 1
    out = capsys.readouterr().out
    assert "few_shot:digits@100 is left out: probe.few_shot_labels must be at most the smallest class's images" in out
    assert "long_tail:digits is left out: probe.long_tail needs classes of different sizes" in out
    assert "linear:digits@100 is left out" not in out


def test_an_unknown_published_table_is_refused_before_anything_is_judged(
    study: StudySpec, write_experiment: Callable[..., None], tmp_path: Path
) -> None:
    write_experiment("exp", cells=[{"name": "a"}], published_tasks="papers")
    with pytest.raises(ConfigError, match=r"a published table must be a file, .* Did you mean 'paper'"):
        run_evaluation(load_study("exp", "tiny"), ["digits"], Capacity(None, 0), tmp_path / "results", judge_here)
