"""The statistics of negatives at each step of a training, against loops over the authors' definition."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.loading import load_experiment
from ftlab.config.trial import TrialConfig
from ftlab.contrast.loss import contrastive_scores
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.methods.moco import MoCo, MoCoResult
from ftlab.methods.simclr import SimCLR, SimCLRResult
from ftlab.training.trainer import Trainer

BuildTrainer = Callable[..., Trainer]
Statistics = dict[str, float]

MOMENTA = load_experiment("momentum").grid["method.key_momentum"]
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}
NEGATIVE = [f"scores/negative_{moment}{end}" for end in ("", "_transformed") for moment in ("mean", "variance")]


def statistics_by_loops(rows: list[list[float]]) -> tuple[float, float]:
    """Return the mean score, and the mean over queries of the unbiased variance over each query's own negatives."""
    variances = []
    for scores in rows:
        mean = sum(scores) / len(scores)
        variances.append(sum((score - mean) ** 2 for score in scores) / (len(scores) - 1))
    return sum(map(sum, rows)) / sum(map(len, rows)), sum(variances) / len(variances)


def rows_of(scores: Tensor, excluded: Tensor | None = None) -> list[list[float]]:
    out = torch.zeros_like(scores, dtype=torch.bool) if excluded is None else excluded
    return [row[~gone].tolist() for row, gone in zip(scores.double(), out, strict=True)]


def noted_steps(monkeypatch: pytest.MonkeyPatch) -> list[Statistics]:
    """Return a list that gets the statistics by loops of every step of MoCo or SimCLR, from all its scores."""
    noted: list[Statistics] = []

    def note(*stages: list[list[float]]) -> None:
        values = [value for rows in stages for value in statistics_by_loops(rows)]
        noted.append(dict(zip(NEGATIVE, values, strict=True)))

    moco, simclr = MoCo.step, SimCLR.step

    def moco_step(self: MoCo, *arguments: Any) -> MoCoResult:
        result = moco(self, *arguments)
        queries = result.queries.double()
        before = contrastive_scores(queries, queries, queries, self.queue.keys.double())[:, 1:]
        after = [
            contrastive_scores(*(part.double() for part in features))[:, 1:].clone() for features in result.transformed
        ]
        note(rows_of(before), rows_of(torch.cat(after)))
        return result

    def simclr_step(self: SimCLR, *arguments: Any) -> SimCLRResult:
        result = simclr(self, *arguments)
        note(*(rows_of(scores.negative, scores.excluded) for scores in (result.before, result.seen)))
        return result

    monkeypatch.setattr(MoCo, "step", moco_step)
    monkeypatch.setattr(SimCLR, "step", simclr_step)
    return noted


def check_steps(trainer: Trainer, noted: list[Statistics], epochs: int) -> None:
    results = list(islice(trainer.epochs(), epochs))
    assert len(noted) == epochs * trainer.batches.steps_per_epoch
    for epoch, result in enumerate(results):
        steps = noted[epoch * trainer.batches.steps_per_epoch :][: trainer.batches.steps_per_epoch]
        for name in NEGATIVE:
            assert result.steps[name] == pytest.approx([step[name] for step in steps], rel=1e-5, abs=1e-6), name
            assert result.metrics[name] == pytest.approx(sum(step[name] for step in steps) / len(steps), abs=1e-6)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_of_every_momentum(build_trainer: BuildTrainer, monkeypatch: pytest.MonkeyPatch, momentum: float) -> None:
    trainer = build_trainer(method={"queue_size": 20, "key_momentum": momentum}, probe={"every": 0})
    check_steps(trainer, noted_steps(monkeypatch), 2)


@pytest.mark.parametrize(
    "sections",
    [
        {"transform": BOTH},
        {"transform": {**BOTH, "negatives": "interpolate_union", "granularity": "element"}},
        {"transform": {**BOTH, "groups": 4}},
    ],
    ids=str,
)
def test_of_negatives_that_are_mixed(
    build_trainer: BuildTrainer, monkeypatch: pytest.MonkeyPatch, sections: Mapping[str, Any]
) -> None:
    check_steps(build_trainer(probe={"every": 0}, **sections), noted_steps(monkeypatch), 2)


@pytest.mark.parametrize("transform", [{}, BOTH, {**BOTH, "groups": 2}], ids=str)
def test_of_the_negatives_that_an_anchor_of_simclr_has(
    dataset: ImageDataset, monkeypatch: pytest.MonkeyPatch, transform: Mapping[str, Any]
) -> None:
    config = TrialConfig.model_validate(
        {
            "model": {"feature_dim": 8, "bn_groups": 2},
            "method": {"name": "simclr"},
            "transform": transform,
            "train": {"epochs": 4, "batch_size": 8},
            "probe": {"every": 0},
        }
    )
    check_steps(make_trainer(config, dataset, torch.device("cpu")), noted_steps(monkeypatch), 2)
