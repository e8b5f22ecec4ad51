from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftlab.importing.event import RecordError
from ftlab.importing.identity_check import check_identity
from ftlab.importing.trial_file import read_trial_file
from ftlab.study import identity
from ftlab.study.identity import NUMERICS_VERSION
from ftlab.tracking.journal import Journal

Lab = Any  # of conftest.py
Edit = Callable[[Path, int, Callable[[dict[str, Any]], object]], None]


def forget_keys() -> None:
    """Forget what was computed with the version of another moment."""
    for found in vars(identity).values():
        if hasattr(found, "cache_clear"):
            found.cache_clear()


@pytest.mark.slow
def test_a_real_record_is_the_trial_that_it_says(trained: Path) -> None:
    (path,) = trained.iterdir()
    entry = Journal(trained).read(path.stem)
    assert entry is not None
    assert check_identity(entry.trial, path.stem).train.epochs == 2


def test_another_version_of_the_numerics_is_refused_by_name(lab: Lab, edit: Edit) -> None:
    path = lab.record()
    edit(path, 1, lambda event: event["trial"]["tags"].update({"version.numerics": "1"}))
    expected = (
        f"this version of the numerics, {NUMERICS_VERSION}, but was trained with version 1; its numbers may differ"
    )
    with pytest.raises(RecordError, match=rf"{path}:1: .*{expected}"):
        read_trial_file(path)


def test_a_record_without_that_tag_is_told_by_its_key(lab: Lab, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.record()
    edit(path, 1, lambda event: event["trial"]["tags"].pop("version.numerics"))
    assert read_trial_file(path).trial.seed == 0
    with monkeypatch.context() as later:
        later.setattr(identity, "NUMERICS_VERSION", NUMERICS_VERSION + 1)
        forget_keys()
        with pytest.raises(
            RecordError, match=r":1: a trial's key must be .* were altered, or are another version's \(ftlab "
        ):
            read_trial_file(path)
    forget_keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"method.key_momentum": "0.5"},
            "a trial's key must be that of its settings and data, but .* is not: they were",
        ),
        ({"seed": "1"}, "a trial's key must be that of its settings"),
        ({"train.epochs": "two"}, "the settings of a trial must be those of this version, but are another version's"),
        ({"train.speed": "1"}, "the settings of a trial must be those of this version"),
        ({"seed": "[" * 9000}, "the settings of a trial must be those of this version"),
        ({"seed.more": "1"}, "the settings of a trial must be those of this version"),
        ({"train.batch_size": "9" * 30, "model.bn_groups": "9" * 30}, "the settings of a trial must be those of this"),
    ],
)
def test_altered_settings_are_found(lab: Lab, edit: Edit, settings: dict[str, str], message: str) -> None:
    path = lab.record()
    edit(path, 1, lambda event: event["trial"]["params"].update(settings))
    with pytest.raises(RecordError, match=rf"{path}:1: {message}"):
        read_trial_file(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda trial: trial.update(trial_key="0" * 32), "trial_key must be the name of the file, but got 000"),
        (lambda trial: trial.update(cell_key="0" * 32), "cell_key must be that of its settings and data, but got 000"),
        (lambda trial: trial.update(seed=1), "seed must be that of the settings, 0, but got 1"),
        (
            lambda trial: trial["tags"].update({"data.fingerprint": "e" * 32}),
            "a trial's key must be that of its settings",
        ),
        (lambda trial: trial["tags"].pop("data.fingerprint"), "the tags of a trial must say its data.fingerprint"),
    ],
)
def test_what_does_not_fit_the_settings_is_named(
    lab: Lab, edit: Edit, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = lab.record()
    edit(path, 1, lambda event: change(event["trial"]))
    with pytest.raises(RecordError, match=rf"{path}:1: {message}"):
        read_trial_file(path)
