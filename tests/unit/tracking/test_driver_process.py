import os
import subprocess
from pathlib import Path

import pytest

from ftlab.tracking.driver_process import driver_identity, has_died


def test_this_process_lives() -> None:
    assert not has_died(driver_identity())


def test_a_later_process_of_the_same_pid_is_another_one() -> None:
    host, pid, start_time = driver_identity().split(":")
    assert has_died(f"{host}:{pid}:{int(start_time) - 1}")


def test_a_process_that_ended_is_dead_even_before_it_is_collected() -> None:
    host = driver_identity().partition(":")[0]
    process = subprocess.Popen(["sleep", "600"])
    try:
        start_time = Path(f"/proc/{process.pid}/stat").read_text().split()[21]
        identity = f"{host}:{process.pid}:{start_time}"
        assert not has_died(identity)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_died(identity)
    finally:
        process.kill()
        process.wait()
    assert has_died(identity)


@pytest.mark.parametrize("identity", ["another-host:1:1", "", "nonsense"])
def test_what_cannot_be_judged_is_left_alone(identity: str) -> None:
    assert not has_died(identity)
