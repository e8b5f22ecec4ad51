from dataclasses import replace

import pytest

from ftlab.config.home import Home
from ftlab.estimate.cost import Costs
from ftlab.estimate.cost_store import CostStore
from ftlab.machine.hardware import Hardware

HARDWARE = Hardware("EPYC", "2", "cpu", threads=1, together=1)
FIRST = Costs(epoch_seconds={"a": 1.5}, peak_bytes={"a": 2**40}, start_seconds=0.25)
SECOND = Costs(epoch_seconds={"b": 3.0}, checkpoint_bytes={"c": 7}, pause_seconds=0.0)


def test_costs_are_kept_and_add_up(home: Home) -> None:
    assert CostStore(home, HARDWARE).load() == Costs()
    assert CostStore(home, HARDWARE).add(FIRST) == FIRST
    assert CostStore(home, HARDWARE).add(SECOND) == FIRST | SECOND
    assert CostStore(home, HARDWARE).load() == FIRST | SECOND


@pytest.mark.parametrize("change", [{"cpu": "Xeon"}, {"threads": 2}, {"together": 2}, {"device": "H200"}])
def test_other_hardware_has_costs_of_its_own(home: Home, change: dict[str, str]) -> None:
    CostStore(home, HARDWARE).add(FIRST)
    assert CostStore(home, replace(HARDWARE, **change)).load() == Costs()


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"epoch_minutes": {}}'])
def test_a_damaged_file_is_measured_anew(home: Home, content: str) -> None:
    store = CostStore(home, HARDWARE)
    store.add(FIRST)
    (path,) = (home / "costs").iterdir()
    path.write_text(content)
    assert store.load() == Costs()
    assert store.add(SECOND) == SECOND
