import pytest

from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.study.fingerprint import check_against_data


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"train": {"batch_size": 128}},
            r"train.batch_size must be at most .* images, but got 128; nearest valid: 100",
        ),
        ({"probe": {"knn_k": 91}}, r"probe.knn_k must be at most .* labelled .* images, but got 91; nearest valid: 90"),
        ({"probe": {"few_shot_labels": 9}}, r"few_shot_labels must be at most the smallest class's .* valid: 8"),
    ],
)
def test_the_images_must_be_enough(settings: dict[str, dict[str, int]], message: str) -> None:
    base = {"train": {"batch_size": 100}, "model": {"bn_groups": 1}}
    enough = TrialConfig.model_validate({**base, "probe": {"knn_k": 90, "few_shot_labels": 8}})
    check_against_data(enough, 100, 90, 8)
    with pytest.raises(ConfigError, match=message):
        check_against_data(TrialConfig.model_validate({**base, **settings}), 100, 90, 8)
