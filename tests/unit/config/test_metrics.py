import pytest

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.errors import ConfigError
from ftlab.study.spec import StudySpec, resolve_study

GRID = {"method.key_momentum": [0.9, 0.99]}


def resolve(experiment: dict[str, object], profile: dict[str, object]) -> StudySpec:
    return resolve_study(
        "exp",
        ExperimentConfig.model_validate({"question": "?", "grid": GRID, **experiment}),
        "tiny",
        ProfileConfig.model_validate({"description": "", "protocol": "", **profile}),
    )


@pytest.mark.parametrize(
    ("experiment", "profile", "metrics"),
    [
        ({}, {"metric": "knn/top1"}, ("knn/top1",)),
        ({}, {"metrics": ["knn/top1", "probe/top1"]}, ("knn/top1", "probe/top1")),
        ({"metric": "probe/top1"}, {"metrics": ["knn/top1", "probe/few_shot_top1"]}, ("probe/top1",)),
        ({"metrics": ["probe/top1", "knn/top1"]}, {"metric": "knn/top1"}, ("probe/top1", "knn/top1")),
        ({"metrics": ["probe/top1"]}, {"metric": "knn/top1"}, ("probe/top1",)),
    ],
)
def test_the_first_metric_is_the_tables_own(
    experiment: dict[str, object], profile: dict[str, object], metrics: tuple[str, ...]
) -> None:
    study = resolve(experiment, profile)
    assert (study.metric, *study.other_metrics) == metrics


@pytest.mark.parametrize(
    ("experiment", "profile", "message"),
    [
        ({"metric": "knn/top1", "metrics": ["probe/top1"]}, {"metric": "knn/top1"}, "in place of metrics"),
        ({}, {"metric": "knn/top1", "metrics": ["probe/top1"]}, "in place of metrics"),
        ({}, {}, "needs metric or metrics"),
        ({"metrics": ["knn/top1", "knn/top1"]}, {"metric": "knn/top1"}, "'knn/top1' twice"),
        ({"metrics": ["probe/top1", "knn/top"]}, {"metric": "knn/top1"}, "got 'knn/top'"),
    ],
)
def test_wrong_metrics_are_refused(experiment: dict[str, object], profile: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, ConfigError), match=message):
        resolve(experiment, profile)
