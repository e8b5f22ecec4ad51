import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig
from ftlab.estimate.kinds import epoch_kind, probe_kind
from ftlab.estimate.recorded_costs import ENOUGH_TRIALS, MAX_READ, recorded_costs
from ftlab.machine.hardware import Hardware
from ftlab.study.spec import Trial

DATA = "d" * 32
HARDWARE = Hardware("EPYC", "2", "cpu", threads=1, together=2)
CONFIG = TrialConfig.model_validate(
    {"train": {"epochs": 6}, "probe": {"every": 2}, "transform": {"positives": "extrapolate", "start": 0.5}}
)
TRIAL = Trial("asked", "cell", "cell", CONFIG, DATA)
PLAIN, TRANSFORMED = (epoch_kind(CONFIG, DATA, transformed=transformed) for transformed in (False, True))
PROBE = probe_kind(CONFIG, DATA)

# Train and probe seconds of six epochs: a slow first one, FT from the fourth, kNN after 2 and 4, everything after 6.
USUAL = [(5.0, 0.0), (1.0, 0.25), (1.0, 0.0), (2.0, 0.25), (2.0, 0.0), (2.0, 3.0)]

Write = Callable[..., None]


def params(config: TrialConfig) -> dict[str, str]:
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in flatten(config).items()}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the file of a trial whose attempts are lists of (epoch, train seconds, probe seconds)."""

    def write(
        name: str,
        *attempts: Sequence[tuple[int, float, float]],
        config: TrialConfig = CONFIG,
        hardware: Hardware = HARDWARE,
        age: float = 0.0,
        pause: float = 0.125,
    ) -> None:
        tags = {**hardware.tags(), "data.fingerprint": DATA, "hardware.host": "vm"}
        opened: dict[str, Any] = {"event": "trial", "trial": {"params": params(config), "tags": tags}}
        lines, now = [], 1000.0
        for attempt in attempts:
            lines.append({**opened, "time": now})
            now += 0.5
            for epoch, train, probe in attempt:
                now += train + probe
                metrics = {"train_seconds": train, "epoch_seconds": train + probe}
                lines.append(
                    {"event": "epochs", "time": now, "epochs": [{"epoch": epoch, "timestamp": now, "metrics": metrics}]}
                )
                now += pause
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.utime(path, (1e9 - age, 1e9 - age))

    return write


def numbered(seconds: Sequence[tuple[float, float]], first: int = 1) -> list[tuple[int, float, float]]:
    return [(first + index, *each) for index, each in enumerate(seconds)]


def test_without_history_nothing_is_known(tmp_path: Path) -> None:
    recorded = recorded_costs(tmp_path / "nowhere", [TRIAL], HARDWARE)
    assert recorded.num_trials == 0
    assert recorded.costs.lacks_seconds(TRIAL)


def test_a_recorded_trial_tells_the_cost_of_its_parts(write: Write, tmp_path: Path) -> None:
    write("a", numbered(USUAL))
    recorded = recorded_costs(tmp_path, [TRIAL], HARDWARE)
    costs = recorded.costs
    assert recorded.num_trials == 1
    assert costs.epoch_seconds == {PLAIN: 1.0, TRANSFORMED: 2.0}
    assert costs.knn_seconds == {PROBE: 0.25}
    assert costs.final_seconds == {PROBE: 3.0}
    # The first epoch's warm-up is part of the start: half a second, and 5 s instead of 1 s.
    assert costs.start_seconds == pytest.approx(4.5)
    assert costs.pause_seconds == pytest.approx(0.125)
    assert not costs.lacks_seconds(TRIAL)


def test_an_epoch_that_was_held_up_counts_as_twice_the_usual(write: Write, tmp_path: Path) -> None:
    slow = [*USUAL[:2], (90.0, 0.0), *USUAL[3:]]
    for name, seconds in (("a", USUAL), ("b", slow), ("c", USUAL)):
        write(name, numbered(seconds))
    costs = recorded_costs(tmp_path, [TRIAL], HARDWARE).costs
    assert costs.epoch_seconds == {PLAIN: pytest.approx((5 * 1.0 + 2.0) / 6), TRANSFORMED: 2.0}


def test_the_first_epoch_after_a_resume_is_no_measure(write: Write, tmp_path: Path) -> None:
    write("a", numbered(USUAL[:4]), numbered([(40.0, 0.0), (2.5, 3.0)], first=5))
    costs = recorded_costs(tmp_path, [TRIAL], HARDWARE).costs
    assert costs.epoch_seconds == {PLAIN: 1.0, TRANSFORMED: 2.25}
    assert costs.pause_seconds == pytest.approx(0.125)


def test_what_was_trained_elsewhere_tells_nothing_of_this_hardware(write: Write, tmp_path: Path) -> None:
    write("begun", numbered(USUAL[:3]))
    write("elsewhere", numbered([(9.0, 9.0)] * 6), hardware=replace(HARDWARE, cpu="Xeon"))
    begun, elsewhere = tmp_path / "begun.jsonl", tmp_path / "elsewhere.jsonl"
    begun.write_text(begun.read_text() + elsewhere.read_text())
    elsewhere.unlink()
    costs = recorded_costs(tmp_path, [TRIAL], HARDWARE).costs
    assert costs.epoch_seconds == {PLAIN: 1.0}
    assert costs.final_seconds == {}


def test_the_epochs_of_a_fork_are_its_own_alone(write: Write, tmp_path: Path) -> None:
    write("parent", numbered(USUAL))
    write("branch", numbered([(2.0, 0.25), (4.0, 0.0), (4.0, 3.0)], first=4))
    path = tmp_path / "branch.jsonl"
    opened, *own = path.read_text().splitlines()
    restored = [json.loads(line)["epochs"][0] for line in (tmp_path / "parent.jsonl").read_text().splitlines()[1:4]]
    for epoch in restored:
        epoch["timestamp"] -= 600.0
    line = json.dumps({"event": "epochs", "time": 1000.25, "epochs": restored})
    path.write_text("\n".join([opened, line, *own]) + "\n")
    costs = recorded_costs(tmp_path, [TRIAL], HARDWARE).costs
    # Two of the parent's plain epochs, counted once; with FT three of the parent's, and two of the branch's own three.
    assert costs.epoch_seconds == {PLAIN: 1.0, TRANSFORMED: pytest.approx((3 * 2.0 + 2 * 4.0) / 5)}
    assert costs.pause_seconds == pytest.approx(0.125)
    assert costs.start_seconds == pytest.approx((4.5 + 0.0) / 2)


@pytest.mark.parametrize(
    "other",
    [
        Hardware("Xeon", "2", "cpu", threads=1, together=2),
        Hardware("EPYC", "2", "H200", threads=1, together=2),
        Hardware("EPYC", "2", "cpu", threads=2, together=2),
        Hardware("EPYC", "2", "cpu", threads=1, together=1),
        Hardware("EPYC", "2", "cpu", threads=1, together=2, cluster="ray://head:10001"),
    ],
)
def test_other_hardware_tells_nothing(write: Write, tmp_path: Path, other: Hardware) -> None:
    write("a", numbered(USUAL), hardware=other)
    assert recorded_costs(tmp_path, [TRIAL], HARDWARE).num_trials == 0
    assert recorded_costs(tmp_path, [TRIAL], other).num_trials == 1


def test_other_settings_tell_nothing_and_shared_parts_do(write: Write, tmp_path: Path) -> None:
    large = CONFIG.model_copy(update={"method": CONFIG.method.model_copy(update={"queue_size": 4096})})
    never = CONFIG.model_copy(update={"transform": CONFIG.transform.model_copy(update={"start": "never"})})
    write("large", numbered(USUAL), config=large)
    write("never", numbered([(1.5, 0.0)] * 6), config=never)
    costs = recorded_costs(tmp_path, [TRIAL], HARDWARE).costs
    assert costs.epoch_seconds[PLAIN] == 1.5
    assert TRANSFORMED not in costs.epoch_seconds
    assert costs.lacks_seconds(TRIAL)


def test_the_newest_trials_decide(write: Write, tmp_path: Path) -> None:
    for index in range(ENOUGH_TRIALS):
        write(f"new{index}", numbered(USUAL), age=index)
    for index in range(3 * ENOUGH_TRIALS):
        write(f"old{index}", numbered([(50.0, 9.0)] * 6), age=100.0 + index)
    recorded = recorded_costs(tmp_path, [TRIAL], HARDWARE)
    assert recorded.num_trials == ENOUGH_TRIALS
    assert recorded.costs.epoch_seconds == {PLAIN: 1.0, TRANSFORMED: 2.0}


def test_damaged_files_are_passed_over(write: Write, tmp_path: Path) -> None:
    write("good", numbered(USUAL), age=50.0)
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "noise.jsonl").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "folder.jsonl").mkdir()
    cut = (tmp_path / "good.jsonl").read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(cut[: len(cut) // 2])
    recorded = recorded_costs(tmp_path, [TRIAL], HARDWARE)
    assert recorded.costs.epoch_seconds[TRANSFORMED] == 2.0


def test_a_trial_of_another_version_is_passed_over(write: Write, tmp_path: Path) -> None:
    write("a", numbered(USUAL))
    path = tmp_path / "a.jsonl"
    path.write_text(path.read_text().replace('"train.batch_size"', '"train.bath_size"'))
    assert recorded_costs(tmp_path, [TRIAL], HARDWARE).num_trials == 0


def test_reading_is_bounded(write: Write, tmp_path: Path) -> None:
    # Trials without FT, so that they are never enough.
    never = CONFIG.model_copy(update={"transform": CONFIG.transform.model_copy(update={"start": "never"})})
    long = never.model_copy(update={"train": CONFIG.train.model_copy(update={"epochs": 30})})
    for index in range(MAX_READ + 5):
        write(f"t{index}", numbered([(1.0, 0.0)] * 30), config=long)
    started = time.process_time()
    assert recorded_costs(tmp_path, [TRIAL], HARDWARE).num_trials == MAX_READ
    assert time.process_time() - started < 2.0
