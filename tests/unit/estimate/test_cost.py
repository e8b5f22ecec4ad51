from typing import Any

import pytest

from ftlab.config.trial import TrialConfig
from ftlab.estimate.cost import START_SECONDS, Costs
from ftlab.estimate.kinds import checkpoint_kind, epoch_kind, probe_kind
from ftlab.study.spec import Trial

DATA = "d" * 32


def make_trial(queue_size: int = 1024, **transform: Any) -> Trial:
    config = TrialConfig.model_validate(
        {
            "train": {"epochs": 10},
            "probe": {"every": 4},
            "method": {"queue_size": queue_size},
            "transform": {"positives": "extrapolate", **transform},
        }
    )
    return Trial(f"key {queue_size}", "cell", "cell", config, DATA)


LATE = make_trial(start=0.5)
NEVER = make_trial(start="never")
LARGE = make_trial(queue_size=4096, start="never")

PLAIN = epoch_kind(LATE.config, DATA, transformed=False)
TRANSFORMED = epoch_kind(LATE.config, DATA, transformed=True)
PROBE = probe_kind(LATE.config, DATA)

COSTS = Costs(
    epoch_seconds={PLAIN: 2.0, TRANSFORMED: 3.0},
    knn_seconds={PROBE: 0.5},
    final_seconds={PROBE: 7.0},
    checkpoint_bytes={checkpoint_kind(LATE.config, DATA): 1000},
    peak_bytes={PLAIN: 50, TRANSFORMED: 80},
    start_seconds=1.5,
    pause_seconds=0.1,
)


@pytest.mark.parametrize(
    ("first", "last", "seconds"),
    [
        (0, 3, 3 * 2.1),
        (0, 4, 4 * 2.1 + 0.5),
        (4, 5, 2.1),
        (5, 8, 3 * 3.1 + 0.5),
        (0, 10, 5 * 2.1 + 5 * 3.1 + 2 * 0.5 + 7.0),
        (9, 10, 3.1 + 7.0),
        (10, 10, 0.0),
    ],
)
def test_a_part_of_a_trial_costs_its_epochs_and_its_probes(first: int, last: int, seconds: float) -> None:
    assert COSTS.training_seconds(LATE, first, last) == pytest.approx(seconds)


def test_an_unknown_kind_costs_what_the_nearest_does() -> None:
    near, far = (epoch_kind(make_trial(size, start="never").config, DATA, transformed=False) for size in (4096, 1024))
    costs = COSTS | Costs(epoch_seconds={near: 9.0})
    assert far == PLAIN
    assert costs.training_seconds(LARGE, 0, 1) == pytest.approx(9.1)
    assert COSTS.training_seconds(LARGE, 0, 1) == pytest.approx(2.1)
    assert COSTS.size_of_checkpoint(LARGE) == 1000


def test_the_largest_peak_counts() -> None:
    assert COSTS.largest_peak([NEVER]) == 50
    assert COSTS.largest_peak([NEVER, LATE]) == 80


def test_later_costs_replace_earlier_ones() -> None:
    merged = COSTS | Costs(epoch_seconds={PLAIN: 4.0}, start_seconds=0.25)
    assert merged.epoch_seconds == {PLAIN: 4.0, TRANSFORMED: 3.0}
    assert (merged.start_seconds, merged.pause_seconds) == (0.25, 0.1)
    assert (Costs() | COSTS) == (COSTS | Costs()) == COSTS


def test_a_start_that_nothing_tells_of_has_its_usual_length() -> None:
    assert COSTS.starting_seconds() == 1.5
    assert Costs().starting_seconds() == START_SECONDS
    assert Costs(start_seconds=0.0).starting_seconds() == 0.0


def test_what_is_lacking_is_known() -> None:
    assert not COSTS.lacks_seconds(LATE)
    assert not COSTS.lacks_seconds(NEVER)
    assert COSTS.lacks_seconds(LARGE)
    assert COSTS.lacks_seconds(make_trial(negatives="interpolate"))
    for part in ("epoch_seconds", "knn_seconds", "final_seconds"):
        assert Costs(**{**vars(COSTS), part: {}}).lacks_seconds(LATE)
    assert COSTS.lacks_size(LARGE)
    assert not COSTS.lacks_size(LATE)
    assert COSTS.lacks_peak(LARGE)
    assert not COSTS.lacks_peak(LATE)
