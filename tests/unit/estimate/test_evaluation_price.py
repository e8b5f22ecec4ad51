"""The price of judging kept backbones anew: a start and the probes, no epoch and no checkpoint."""

from dataclasses import replace

import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.trial import TrialConfig
from ftlab.estimate.cost import Costs
from ftlab.estimate.kinds import checkpoint_kind, epoch_kind, probe_kind
from ftlab.estimate.sweep_estimate import RECORD_BYTES_PER_EPOCH, Estimate, estimate_sweep
from ftlab.study.spec import Trial
from ftlab.study.stages import Stage
from ftlab.terminal.estimate_listing import estimate_lines

CONFIG = TrialConfig.model_validate({"train": {"epochs": 10}, "probe": {"every": 0}})
COSTS = Costs(
    epoch_seconds={epoch_kind(CONFIG, "data", transformed=False): 2.0},
    final_seconds={probe_kind(CONFIG, "data"): 3.0},
    checkpoint_bytes={checkpoint_kind(CONFIG, "data"): 1000},
    backbone_bytes={checkpoint_kind(CONFIG, "data"): 400},
    start_seconds=0.5,
)


def stage(key: str, *, judged: bool) -> Stage:
    return Stage(Trial(key, "cell", "cell", CONFIG, "data"), 10 if judged else 0, is_evaluation=judged)


def estimate(*stages: Stage, resources: ResourcesConfig | None = None) -> Estimate:
    resources = resources or ResourcesConfig()
    return estimate_sweep(stages, COSTS, slots=1, resources=resources, source="a test", startup_seconds=0.0)


def test_an_evaluation_costs_its_start_and_its_probes() -> None:
    found = estimate(stage("a", judged=True), stage("b", judged=True))
    assert (found.num_epochs, found.num_evaluations) == (0, 2)
    assert found.wall_seconds == found.evaluation_seconds == pytest.approx(7.0)
    assert (found.checkpoint_bytes, found.backbone_bytes) == (0, None)
    assert found.record_bytes == 20 * RECORD_BYTES_PER_EPOCH
    assert estimate_lines(found)[1:] == [
        "evaluations: 2 kept backbones judged anew without training, 7 s of work of that estimate",
        "disk: 120 kB of records that stay",
    ]


def test_a_training_leaves_its_backbone() -> None:
    found = estimate(stage("a", judged=True), stage("b", judged=False))
    assert (found.num_epochs, found.num_evaluations) == (10, 1)
    assert found.wall_seconds == pytest.approx(3.5 + 23.5)
    assert (found.checkpoint_bytes, found.backbone_bytes) == (1000, 400)
    assert "1 kB of backbones and 120 kB of records that stay" in estimate_lines(found)[2]
    nothing = estimate(stage("b", judged=False), resources=ResourcesConfig(keep="nothing"))
    assert nothing.backbone_bytes is None


def test_costs_of_before_know_no_size_of_backbones() -> None:
    unmeasured = replace(COSTS, backbone_bytes={})
    work = [stage("b", judged=False)]
    assert estimate_sweep(work, unmeasured, slots=1, resources=ResourcesConfig(), source="").backbone_bytes is None
