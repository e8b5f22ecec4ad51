"""Places: images elsewhere, the probe that is asked alone there, and a long tail that is made of them."""

from collections.abc import Callable

import pytest

from ftlab.config.sections.probe_section import ask_alone
from ftlab.errors import ConfigError
from ftlab.reporting.table.task_table import PARTS, tabulate_tasks
from ftlab.reporting.writers.task_writer import tasks_csv, tasks_md, tasks_tex
from ftlab.study.identity import evaluation_keys, pretraining_key
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.study.transfer import (
    Place,
    asked_of,
    check_places,
    data_of,
    make_transfer,
    parse_place,
    task_columns,
    task_name,
)
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS


@pytest.fixture
def trial(make_study: Callable[..., StudySpec]) -> Trial:
    return expand_trials(make_study(cells=[{"name": "a"}]), "digits of before")[0]


@pytest.mark.parametrize(
    ("text", "place", "task"),
    [
        ("digits", Place("", "digits", None), "digits"),
        ("folder:/data/cub", Place("", "folder:/data/cub", None), "cub"),
        ("linear:digits", Place("linear", "digits", None), "linear:digits"),
        ("finetune:folder:/data/a@b@100", Place("finetune", "folder:/data/a@b", 100.0), "finetune:a@b@100"),
        ("digits@7.5", Place("", "digits", 7.5), "digits@7.5"),
        ("folder:/data/me@home", Place("", "folder:/data/me@home", None), "me@home"),
    ],
)
def test_a_place_has_three_parts(text: str, place: Place, task: str) -> None:
    assert parse_place(text) == place
    assert task_name(text) == task
    assert task_name(task) == task


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("finetuned:digits", r"got 'finetuned:digits'\. Did you mean 'finetune:digits'"),
        ("linear:cifar11", "got 'linear:cifar11'"),
        ("digits@0.5", "the imbalance of 'digits' must be at least 1, but got 0.5"),
        ("finetune:folder:", "followed by a path"),
    ],
)
def test_other_places_are_refused(place: str, message: str, trial: Trial) -> None:
    with pytest.raises(ConfigError, match=message):
        data_of(place, trial.config)


def test_a_long_tail_is_part_of_the_data(trial: Trial) -> None:
    assert data_of("digits@100", trial.config).imbalance == 100
    assert data_of("linear:folder:/data/cub@10", trial.config).imbalance == 10
    assert data_of("digits", trial.config).imbalance is None


def test_a_probe_that_is_asked_alone_has_the_key_of_the_trials_own(trial: Trial) -> None:
    for probe in PROBE_METRICS:
        asked = asked_of(trial, f"{probe}:digits")
        whole = trial.config.probe.model_copy(update={probe: True} if probe in ("finetune", "long_tail") else {})
        config = trial.config.model_copy(update={"probe": whole})
        assert evaluation_keys(asked.config, "f") == {probe: evaluation_keys(config, "f")[probe]}
        assert asked.pretraining_key == trial.pretraining_key == pretraining_key(config, trial.fingerprint)
    assert asked_of(trial, "digits") is trial


def test_each_question_has_a_key_of_its_own(trial: Trial) -> None:
    data = data_of("digits", trial.config)
    places = ["digits", *(f"{probe}:digits" for probe in PROBE_METRICS)]
    assert len({make_transfer(asked_of(trial, place), data, "f").key for place in places}) == len(places)
    other = ask_alone(trial.config.probe.model_copy(update={"few_shot_labels": 1}), "linear")
    changed = trial.config.model_copy(update={"probe": other})
    assert evaluation_keys(changed, "f") == evaluation_keys(asked_of(trial, "linear:digits").config, "f")


def test_columns_are_those_of_the_probe_or_of_the_study() -> None:
    assert list(task_columns("long_tail:digits@100", ["knn/top1"]).values()) == [
        "digits@100, linear, balanced",
        "digits@100, linear, many",
        "digits@100, linear, medium",
        "digits@100, linear, few",
    ]
    check_places(["digits", "finetune:digits", "finetune:digits@2"], ["knn/top1"])
    with pytest.raises(ConfigError, match="'digits, kNN top-1' is twice"):
        check_places(["digits", "knn:digits"], ["knn/top1"])


def test_parts_of_a_task_take_no_part_in_the_mean_rank_and_published_values_stand_beside() -> None:
    columns = task_columns("long_tail:digits@100", []).values()
    assert [column.endswith(PARTS) for column in columns] == [False, True, True, True]
    tasks = ["digits, linear, balanced", "digits, linear, few"]
    values = {
        "a": {tasks[0]: [80.0], tasks[1]: [10.0]},
        "b": {tasks[0]: [70.0], tasks[1]: [90.0]},
        "c": {tasks[0]: [60.0]},
    }
    table = tabulate_tasks("?", tasks, values, published={"iNat-18": {"a": "65.60", "b": "67.3"}})
    assert [row.mean_rank for row in table.rows] == [1.0, 2.0, 3.0]
    assert "| cell | digits, linear, balanced | digits, linear, few | mean rank | iNat-18 |" in tasks_md(table)
    assert "| a | 80.0 | 10.0 | 1.00 | 65.60 |" in tasks_md(table)
    assert r"b & $70.0$ & $90.0$ & $2.00$ & $67.3$ \\" in tasks_tex(table)
    assert r"c & $60.0$ & -- & $3.00$ & -- \\" in tasks_tex(table)
    assert "iNat" not in tasks_csv(table)
