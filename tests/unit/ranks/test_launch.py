import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from ftlab.errors import ConfigError
from ftlab.ranks.launch import train_in_ranks

CPU = torch.device("cpu")
SECONDS = 60.0


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("rank_parts")


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_each_rank_needs_a_gpu_of_its_own(parts: ModuleType) -> None:
    there = torch.cuda.device_count()
    with pytest.raises(ConfigError, match=f"got {there + 2} processes and {there} GPUs"):
        next(train_in_ranks(parts.exchange, there + 2, torch.device("cuda")))


@pytest.mark.slow
def test_ranks_exchange_what_they_have(parts: ModuleType) -> None:
    found, of_last = train_in_ranks(parts.exchange, 3, CPU)
    expected = {
        "gather": torch.tensor([[0, 1], [0, 2], [1, 1], [10, 2], [2, 1], [20, 2]]).float(),
        "gather of columns": torch.tensor([[0, 0], [1, 2], [1, 10], [1, 2], [2, 20], [1, 2]]).float(),
        "sum": torch.tensor([3, 15]),
        "mean": torch.tensor([[1, 1], [10, 2]]).double(),
    }
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
        assert torch.equal(of_last[name], value), name
    weights, biases = found["gradients"]
    assert torch.equal(torch.tensor(weights), 2 * torch.arange(24.0).view(3, 2, 2, 2))
    assert biases == [0.0, 2.0, 4.0]
    assert found["values"] == {1.0}
    assert found["threads"] == max(1, torch.get_num_threads() // 3)


@pytest.mark.slow
def test_what_a_rank_raises_ends_the_others(parts: ModuleType) -> None:
    with pytest.raises(LookupError, match="no such thing") as raised:
        list(train_in_ranks(parts.fail_in_rank_1, 2, CPU))
    (note,) = raised.value.__notes__
    assert note.startswith("in rank 1 of 2:\nTraceback")
    assert "fail_in_rank_1" in note


@pytest.mark.slow
def test_no_rank_outlives_who_started_it(parts: ModuleType, tmp_path: Path) -> None:
    program = f"from rank_parts import start_and_hang; start_and_hang({str(tmp_path)!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as parent:
        wait_until(lambda: parent.poll() is not None or len(list(tmp_path.iterdir())) == 2)
        pids = [int(path.name) for path in tmp_path.iterdir()]
        assert [is_alive(pid) for pid in pids] == [True, True]
        parent.kill()
    wait_until(lambda: not any(map(is_alive, pids)))
