import json
import os
import tracemalloc
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest

from ftlab.errors import TrackingError
from ftlab.importing.event import RecordError
from ftlab.importing.trial_file import MAX_FILE_BYTES, MAX_LINE_BYTES, last_metrics, read_trial_file
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

Lab = Any  # of conftest.py
Change = Callable[[dict[str, Any]], object]
Edit = Callable[[Path, int, Change], None]


def set_edges(event: dict[str, Any], edges: list[Any]) -> None:
    event["epochs"][0]["edges"] = {"scores/positive": edges}


def unsealed(path: Path, numbers: range) -> None:
    """Take format and checksum from lines, as an older ftlab wrote them; the first line is number 1."""
    lines = path.read_text().splitlines()
    for number in numbers:
        event = json.loads(lines[number - 1])
        del event["format"], event["checksum"]
        lines[number - 1] = json.dumps(event, separators=(",", ":"))
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.slow
def test_what_a_training_wrote_is_whole(trained: Path) -> None:
    (path,) = trained.iterdir()
    file, entry = read_trial_file(path), Journal(trained).read(path.stem)
    assert entry is not None
    assert (file.key, file.trial, file.outcome) == (path.stem, entry.trial, entry.outcome)
    assert file.has_ended
    assert file.metrics == last_metrics({epoch.epoch: epoch.metrics for epoch in entry.epochs})
    assert "probe/top1" in file.metrics
    assert file.num_unchecked == 0
    assert file.read() == path.read_bytes()


def test_a_literal_record_is_whole(lab: Lab) -> None:
    file = read_trial_file(lab.record(outcome=Outcome(TrialStatus.COLLAPSED, "no margin", {"train.compiled": "no"})))
    assert file.metrics == {"knn/top1": 60.5, "train_seconds": 1.0, "epoch_seconds": 2.0}
    assert file.outcome == Outcome(TrialStatus.COLLAPSED, "no margin", {"train.compiled": "no"})
    assert not read_trial_file(lab.record(1, outcome=None)).has_ended
    assert not read_trial_file(lab.record(2, outcome=Outcome(TrialStatus.INTERRUPTED))).has_ended
    assert read_trial_file(lab.record(3, metrics=(), outcome=Outcome(TrialStatus.FAILED, "no room"))).has_ended


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_may_be_anything(lab: Lab, value: float) -> None:
    file = read_trial_file(lab.record(metrics=(1.0, value)))
    assert repr(file.metrics["knn/top1"]) == repr(value)


def test_the_last_event_decides_and_a_later_epoch_replaces_an_earlier_one(lab: Lab) -> None:
    path = lab.record(outcome=Outcome(TrialStatus.FAILED, "the worker died"))
    key = path.stem
    lab.journal.append_trial(read_trial_file(path).trial)
    assert read_trial_file(path).outcome is None
    lab.journal.append_epochs(key, [EpochResult(2, 1.0, {"knn/top1": 70.0}), EpochResult(1, 0.5, {"knn/top1": 9.0})])
    lab.journal.append_outcome(key, Outcome(TrialStatus.FINISHED))
    assert read_trial_file(path).metrics["knn/top1"] == 70.0


def test_lines_of_an_older_ftlab_are_counted(lab: Lab) -> None:
    path = lab.record()
    unsealed(path, range(1, 3))
    assert read_trial_file(path).num_unchecked == 2
    unsealed(path, range(3, 5))
    assert read_trial_file(path).num_unchecked == 4


def test_a_line_without_a_checksum_after_one_with_it_is_a_fault(lab: Lab) -> None:
    path = lab.record()
    unsealed(path, range(3, 4))
    with pytest.raises(RecordError, match=rf"{path}:3: every line after one with a checksum must have one"):
        read_trial_file(path)


@pytest.mark.parametrize(
    ("line", "damage", "message"),
    [
        (2, lambda line: line.replace(b"50.0", b"58.0"), "must be as ftlab wrote it, but its checksum differs"),
        (1, lambda line: line.replace(b"a Xeon", b"b Xeon"), "must be as ftlab wrote it"),
        (2, lambda line: line[:-31] + b"}", "that says its format must end with its checksum"),
        (2, lambda line: line[:40], r"must be JSON, but b'\{\"event\":\"epochs\".* does not parse"),
        (3, lambda line: line + b"\r", "that says its format must end with its checksum"),
        (3, lambda _: b"", "must be JSON, but b'' does not parse"),
        (3, lambda _: b"\0" * 500, "must be JSON"),
        (3, lambda _: b"\xff", "must be JSON"),
        (3, lambda _: b"[" * 100_000, "must be JSON"),
        (3, lambda _: b"9" * 100_000, "must be JSON"),
        (3, lambda _: b"[1]", "must be a JSON object"),
    ],
)
def test_a_damaged_line_is_named(lab: Lab, line: int, damage: Callable[[bytes], bytes], message: str) -> None:
    path = lab.record()
    lines = path.read_bytes().splitlines()
    lines[line - 1] = damage(lines[line - 1])
    path.write_bytes(b"".join(text + b"\n" for text in lines))
    with pytest.raises(RecordError, match=rf"{path}:{line}: a line {message}"):
        read_trial_file(path)


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_last_line_that_was_cut_off_is_named(lab: Lab, cut: int) -> None:
    path = lab.record()
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RecordError, match=rf"{path}:4: the last line must have an end, but was cut off"):
        read_trial_file(path)


@pytest.mark.parametrize(
    ("line", "change", "message"),
    [
        (
            1,
            lambda event: event.update(event="opened"),
            r"event: Input tag 'opened' .* expected tags: 'trial', 'epochs'",
        ),
        (1, lambda event: event.pop("event"), "event: Unable to extract tag"),
        (1, lambda event: event.pop("time"), "time: Field required"),
        (1, lambda event: event["trial"].pop("seed"), "trial.seed: Field required"),
        (1, lambda event: event["trial"].update(seed="0"), "trial.seed: Input should be a valid integer, but got '0'"),
        (1, lambda event: event["trial"].update(seed=True), "trial.seed: Input should be a valid integer"),
        (1, lambda event: event["trial"].update(extra=1), "trial.extra: Extra inputs are not permitted"),
        (1, lambda event: event["trial"]["params"].update({"a": 1}), "trial.params.a: Input should be a valid string"),
        (
            1,
            lambda event: event["trial"]["tags"].update({"ftlab.status": "x"}),
            "tags: must be the trial's own, but 'ftl",
        ),
        (1, lambda event: event["trial"]["tags"].update({"../a": "x"}), "trial.tags.*: must be a name whose parts"),
        (1, lambda event: event["trial"].update(name="\ud800"), "trial.name: .*unicode"),
        (1, lambda event: event["trial"].update(name="a\x00"), "trial.name: String should match"),
        (
            1,
            lambda event: event["trial"]["tags"].update(dict.fromkeys(map(str, range(2000)), "")),
            "trial.tags: Dictionary should have at most 1000 items",
        ),
        (2, lambda event: event.update(epochs=[]), "epochs: List should have at least 1 item"),
        (2, lambda event: event["epochs"][0].pop("timestamp"), "epochs.0.timestamp: Field required"),
        (2, lambda event: event["epochs"][0].update(timestamp=float("nan")), "epochs.0.timestamp: Input should be"),
        (2, lambda event: event["epochs"][0].update(timestamp=1e300), "epochs.0.timestamp: Input should be less"),
        (2, lambda event: event["epochs"][0].update(epoch=0), "epochs.0.epoch: Input should be greater"),
        (2, lambda event: event["epochs"][0].update(epoch=3), "an epoch must be one of the trial's 2, but got 3"),
        (
            2,
            lambda event: event["epochs"][0]["metrics"].update(a="1"),
            "epochs.0.metrics.a: Input should be a valid num",
        ),
        (
            2,
            lambda event: event["epochs"][0]["metrics"].update(a=10**400),
            "epochs.0.metrics.a: Input should be a valid",
        ),
        (
            2,
            lambda event: event["epochs"][0]["metrics"].update(a=None),
            "epochs.0.metrics.a: Input should be a valid num",
        ),
        (
            2,
            lambda event: event["epochs"][0]["metrics"].update({"a\n": 1.0}),
            r"epochs\.0\.metrics\.a\\n\.\[key\]: String should match",
        ),
        (
            2,
            lambda event: event["epochs"][0]["histograms"].update(a=[0.5]),
            "histograms.a.0: Input should be a valid int",
        ),
        (2, lambda event: event["epochs"][0]["histograms"].update(a=[2**63]), "histograms.a.0: Input should be less"),
        (2, lambda event: event["epochs"][0]["edges"].update(a=[-1.0, 1.0]), "edges must be those of histograms"),
        (2, lambda event: set_edges(event, [1.0, -1.0]), "the lowest edge of a histogram must come first"),
        (2, lambda event: set_edges(event, [1.0, 1.0]), "the lowest edge of a histogram must come first"),
        (2, lambda event: set_edges(event, [1.0]), "edges.scores/positive: List should have at least 2"),
        (2, lambda event: set_edges(event, [-1.0, 0.0, 1.0]), "edges.scores/positive: List should have at most 2"),
        (2, lambda event: set_edges(event, [-1.0, "1"]), "edges.scores/positive.1: Input should be a valid number"),
        (2, lambda event: set_edges(event, [-1.0, inf]), "edges.scores/positive.1: Input should be a finite number"),
        (
            2,
            lambda event: event["epochs"][0]["steps"].update(a=[1.0, 2.0]),
            "steps must have a series 'step', and as many",
        ),
        (2, lambda event: event["epochs"][0]["steps"].pop("step"), "steps must have a series 'step'"),
        (2, lambda event: event["epochs"][0]["steps"].update(step=[0.5]), "'step' must count optimiser steps"),
        (
            2,
            lambda event: event["epochs"][0].update(gradient_norms=[1.0]),
            "gradient_norms: Input should be a valid dict",
        ),
        (4, lambda event: event["outcome"].pop("reason"), "outcome.reason: Field required"),
        (4, lambda event: event["outcome"].update(status="done"), "outcome.status: Input should be 'running', "),
        (4, lambda event: event["outcome"].update(tags={"mlflow.user": "x"}), "outcome.tags: must be the trial's own"),
        (
            4,
            lambda event: event["outcome"].update(tags={f"t{n}": "x" * 9000 for n in range(9)}),
            "at most 50,000 bytes",
        ),
    ],
)
def test_a_field_that_is_missing_or_wrong_is_named(
    lab: Lab, edit: Edit, line: int, change: Change, message: str
) -> None:
    path = lab.record()
    edit(path, line, change)
    with pytest.raises(RecordError, match=rf"{path}:{line}: .*{message}"):
        read_trial_file(path)


@pytest.mark.parametrize(
    "study",
    [
        "exp",
        "exp/",
        "../tiny",
        "exp/..",
        "exp/tiny/more",
        "exp/tiny+a=/b",
        "-x/tiny",
        'exp/tiny+a="',
        "exp/tiny+a=\\",
        "",
    ],
)
def test_a_study_is_an_experiment_at_a_profile_and_no_path(lab: Lab, edit: Edit, study: str) -> None:
    path = lab.record()
    edit(path, 1, lambda event: event["trial"].update(study=study))
    with pytest.raises(RecordError, match=r":1: trial\.study: String should match pattern"):
        read_trial_file(path)


@pytest.mark.parametrize("study", ["exp/tiny", "my-exp.2/tiny+data.root=bob's flowers+train.epochs=3~0123abcd"])
def test_the_names_that_studies_have_are_taken(lab: Lab, study: str) -> None:
    assert read_trial_file(lab.record(study=study)).trial.study == study


@pytest.mark.parametrize("number", [2, "1", True, None, 1.0, [1]])
def test_an_unknown_format_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch, number: object) -> None:
    monkeypatch.setattr("ftlab.tracking.journal_line.FORMAT", number)
    path = lab.record()
    with pytest.raises(RecordError, match=r":1: the format of a line must be 1, but is .*as new as the one that wrote"):
        read_trial_file(path)


def test_the_first_line_says_what_was_trained(lab: Lab) -> None:
    path = lab.record()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(RecordError, match=rf"{path}:1: the first line must say what was trained"):
        read_trial_file(path)
    path.write_bytes(b"")
    with pytest.raises(RecordError, match=rf"{path}:1: a file must say what was trained, but is empty"):
        read_trial_file(path)


def test_a_result_has_every_epoch(lab: Lab) -> None:
    path = lab.record()
    first, _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *rest]))
    with pytest.raises(
        RecordError, match=rf"{path}:3: a trial .* must have each of its 2 epochs, but epoch 1 is missing"
    ):
        read_trial_file(path)
    assert read_trial_file(lab.record(1, metrics=[1.0], outcome=Outcome(TrialStatus.PRUNED, "stopped early"))).has_ended


@pytest.mark.parametrize("name", ["a1.jsonl", "A" * 32 + ".jsonl", "0" * 33 + ".jsonl", "0" * 31 + "\n.jsonl"])
def test_a_file_is_called_by_its_key(lab: Lab, name: str) -> None:
    path = lab.record()
    other = path.rename(path.with_name(name))
    with pytest.raises(RecordError, match=r"must be called <trial_key>\.jsonl, of 32 hex digits, but got '"):
        read_trial_file(other)


def test_a_file_that_changes_after_the_check_is_refused(lab: Lab) -> None:
    path = lab.record()
    file = read_trial_file(path)
    lab.journal.append_epochs(path.stem, [EpochResult(2, 1.0, {})])
    with pytest.raises(RecordError, match="must stay as it is while it is brought in, but has changed"):
        file.read()


def test_what_is_no_plain_file_is_not_opened(lab: Lab, tmp_path: Path) -> None:
    path = lab.record()
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    with pytest.raises(TrackingError, match=rf"{path} must be a plain file that can be read, but is a link"):
        read_trial_file(path)
    for make in (os.mkfifo, os.mkdir):
        path.unlink()
        make(path)
        with pytest.raises(TrackingError, match=rf"{path} must be a plain file, but is none"):
            read_trial_file(path)


def test_a_file_without_end_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.record()
    monkeypatch.setattr("ftlab.importing.trial_file.MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(RecordError, match=rf"{path}:4: a file must have at most .* bytes, but has more"):
        read_trial_file(path)
    assert MAX_FILE_BYTES == 2**28


def test_a_line_of_gigabytes_is_not_read(lab: Lab) -> None:
    path = lab.record()
    os.truncate(path, 4 * 2**30)  # zeros that take no room
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match=rf"{path}:5: a line must have at most 33,554,432 bytes, but has more"):
            read_trial_file(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MAX_LINE_BYTES
