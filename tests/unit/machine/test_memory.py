from pathlib import Path

import pytest

from ftlab.errors import ConfigError
from ftlab.machine.memory import Gpu, available_memory, parse_gpus

MIB = 1024**2


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:       24000 kB\nMemFree: 100 kB\nMemAvailable:   16000 kB\nHugePages_Total: 0\n")
    return path


def test_gpus_are_read_from_what_the_driver_says() -> None:
    answer = "NVIDIA H200, 143771, 143000\nTesla, special edition, 16160, 12\n"
    assert parse_gpus(answer) == (
        Gpu("NVIDIA H200", 143771 * MIB, 143000 * MIB),
        Gpu("Tesla, special edition", 16160 * MIB, 12 * MIB),
    )


@pytest.mark.parametrize("answer", ["", "No devices were found", "A, B, C", "NVIDIA, [N/A], [N/A]", "NVIDIA, 12"])
def test_an_answer_without_gpus_is_none(answer: str) -> None:
    assert parse_gpus(answer) == ()


def test_memory_is_what_the_kernel_has_available(meminfo: Path, tmp_path: Path) -> None:
    assert available_memory(meminfo, tmp_path / "nowhere") == 16000 * 1024


@pytest.mark.parametrize(
    ("limit", "found"), [("max", 16000 * 1024), ("9000000", 8_000_000), ("90000000", 16000 * 1024)]
)
def test_a_container_has_what_its_limit_leaves(meminfo: Path, tmp_path: Path, limit: str, found: int) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert available_memory(meminfo, tmp_path) == found


@pytest.mark.parametrize("content", [None, "", "MemAvailable: much"])
def test_unknown_memory_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "meminfo"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"free memory must be known .* set resources\.trials_per_device"):
        available_memory(path, tmp_path)
