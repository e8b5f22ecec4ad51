"""Probes that are taken where they are asked for: by their setting, or by a metric of the table."""

from collections.abc import Callable

import pytest

from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.sections.probe_section import ProbeConfig
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.reporting.printed.metric_labels import METRIC_LABELS
from ftlab.study.fingerprint import check_against_data, check_data
from ftlab.study.spec import METRICS, StudySpec
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS

MakeStudy = Callable[..., StudySpec]
CELLS = [{"name": "a"}]


def test_a_metric_takes_the_probes_that_it_needs(make_study: MakeStudy) -> None:
    plain = make_study(cells=CELLS).cells[0].config
    assert plain.probe.evaluations().keys() == {"knn", "few_shot", "linear"}
    finetuned = make_study(cells=CELLS, metrics=["probe/top1", "finetune/top1"]).cells[0].config
    assert finetuned.probe.finetune
    assert not finetuned.probe.long_tail
    both = make_study(cells=CELLS, metric="finetune/few_top1").cells[0].config
    assert both.probe.evaluations().keys() == {"knn", "few_shot", "linear", "finetune", "long_tail"}


def test_a_metric_without_its_probe_is_refused(make_study: MakeStudy) -> None:
    with pytest.raises(ConfigError, match=r"'finetune/top1' needs probe\.finetune, but it is false in cell 'a'"):
        make_study(cells=CELLS, metric="finetune/top1", overrides={"probe.finetune": False})


def test_settings_of_a_probe_that_is_not_taken_have_no_effect(make_study: MakeStudy) -> None:
    with pytest.raises(ConfigError, match=r"'probe\.finetune_epochs' has none"):
        make_study(cells=CELLS, overrides={"probe.finetune_epochs": 3})
    study = make_study(cells=CELLS, overrides={"probe.finetune": True, "probe.finetune_epochs": 3})
    assert study.cells[0].config.probe.finetune_epochs == 3


def test_every_metric_has_a_protocol_and_a_name() -> None:
    names = {metric for metrics in PROBE_METRICS.values() for metric in metrics}
    assert names == set(METRICS) == set(METRIC_LABELS)
    assert names == ProbeConfig().protocols().keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"finetune_epochs": 0}, "finetune_epochs"),
        ({"finetune_learning_rates": []}, "finetune_learning_rates"),
        ({"finetune_crop_scale": [0.5, 0.1]}, r"low <= high, but got \[0.5, 0.1\]; nearest valid: \[0.1, 0.5\]"),
        ({"finetune_batch_size": 1}, "finetune_batch_size"),
        ({"finetune_holdout": 1.0}, "finetune_holdout"),
        ({"long_tail_few": 30, "long_tail_many": 20}, "got 30 and 20; nearest valid long_tail_few: 21"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrialConfig.model_validate({"probe": settings})


def test_a_held_out_part_must_leave_two_images() -> None:
    base = {"train": {"batch_size": 4}, "model": {"bn_groups": 1}}
    probe = {"finetune": True, "finetune_holdout": 0.9, "knn_k": 5, "few_shot_labels": 1}
    config = TrialConfig.model_validate({**base, "probe": probe})
    check_against_data(config, 20, 20, 5)
    with pytest.raises(ConfigError, match=r"finetune_holdout must leave two .* got 0.9 of 10; nearest valid: 0.8"):
        check_against_data(config, 10, 10, 5)


@pytest.mark.usefixtures("decode_once")
def test_a_long_tail_is_asked_of_data_that_have_one(home: Home) -> None:
    probe = {"long_tail": True, "few_shot_labels": 1}
    config = TrialConfig.model_validate({"train": {"batch_size": 64}, "probe": probe})
    with pytest.raises(
        ConfigError, match=r"probe\.long_tail needs .* all of digits have 126 to 132; .* data\.imbalance"
    ):
        check_data(DataConfig(), [config], home)
    tailed = DataConfig(imbalance=100)
    assert check_data(tailed, [config], home).fingerprint != check_data(DataConfig(), [], home).fingerprint
    thresholds = config.probe.model_copy(update={"long_tail_many": 130})
    check_data(DataConfig(), [config.model_copy(update={"probe": thresholds})], home)
