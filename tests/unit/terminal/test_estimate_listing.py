from dataclasses import replace

import pytest

from ftlab.estimate.packing import Packing
from ftlab.estimate.sweep_estimate import Actual, Estimate
from ftlab.terminal.estimate_listing import comparison_line, estimate_lines, packing_line

ESTIMATE = Estimate(
    num_trials=12,
    num_epochs=1200,
    wall_seconds=220.0,
    device_hours=0.12,
    device="CPU",
    checkpoint_bytes=9_800_000,
    record_bytes=7_200_000,
    source="12 recorded trials",
)


def test_a_forecast_without_a_measured_checkpoint_says_so() -> None:
    assert estimate_lines(replace(ESTIMATE, checkpoint_bytes=None))[1] == (
        "disk: 7 MB of records that stay; make plan calibrates the size of checkpoints"
    )


def test_what_is_priced_by_the_nearest_is_said() -> None:
    assert estimate_lines(replace(ESTIMATE, num_nearest=1))[-1].startswith("1 trial is estimated from the nearest")
    assert estimate_lines(replace(ESTIMATE, num_nearest=2))[-1].startswith("2 trials are estimated from the nearest")


@pytest.mark.parametrize(("wall", "deviation"), [(235.0, "+7%"), (220.0, "+0%"), (110.0, "-50%")])
def test_a_forecast_is_laid_beside_what_it_took(wall: float, deviation: str) -> None:
    line = comparison_line(replace(ESTIMATE, device="GPU"), Actual(wall, 0.13))
    assert line.startswith("estimate 3 min 40 s and 0.12 GPU-hours; it took ")
    assert line.endswith(f" and 0.13 ({deviation})")


@pytest.mark.parametrize(("hours", "told"), [(0.0034, "0.0034"), (0.126, "0.13"), (3.21, "3.2"), (1234.5, "1234")])
def test_hours_are_rounded_for_people(hours: float, told: str) -> None:
    assert f" and {told} CPU-hours" in estimate_lines(replace(ESTIMATE, device_hours=hours))[0]


def test_a_forecast_of_nothing_has_no_deviation() -> None:
    line = comparison_line(replace(ESTIMATE, wall_seconds=0.0, device_hours=0.0), Actual(5.0, 0.0))
    assert line == "estimate 0 s and 0 CPU-hours; it took 5 s and 0"


@pytest.mark.parametrize(
    ("packing", "line"),
    [
        (
            Packing(3, 3, 0.3333, 2_500_000_000, "memory"),
            "3 trials per GPU at a time, limited by its memory: 2.5 GB each",
        ),
        (Packing(1, 1, 1.0, 900_000_000, "cores"), "1 trial per GPU at a time, limited by its cores: 900 MB each"),
        (Packing(2, 2, 0.5, 0, "setting"), "2 trials per GPU at a time, as set"),
        (Packing(4, 4, 0.25, 0, "profile"), "4 trials per GPU at a time, as the profile says"),
    ],
)
def test_a_packing_says_what_limits_it(packing: Packing, line: str) -> None:
    assert packing_line(packing, "GPU").startswith(line)
