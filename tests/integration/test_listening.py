"""A sweep on one machine opens no port to its network."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

LISTENING = "0A"  # a state of Linux's table of sockets

Address = IPv4Address | IPv6Address


def listening_addresses(pids: Iterable[int]) -> Iterator[Address]:
    """Yield the address of each TCP socket at which one of the processes listens."""
    sockets = {link for pid in pids for link in _open_files(pid) if link.startswith("socket:")}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTENING and f"socket:[{rest[5]}]" in sockets:
                yield _parse_address(local.partition(":")[0])


def _open_files(pid: int) -> Iterator[str]:
    with suppress(OSError):  # the process has ended
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


def _parse_address(spelled: str) -> Address:
    words = bytes.fromhex(spelled)  # of four bytes, each in the machine's order
    address = ip_address(b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4)))
    return getattr(address, "ipv4_mapped", None) or address


@pytest.mark.slow
def test_a_sweep_listens_on_this_machine_alone(make_laboratory: Callable[..., Any]) -> None:
    laboratory = make_laboratory(epochs=500, cpus_per_trial=2, processes_per_trial=2)
    laboratory.write_experiment("exp", seeds=1, grid={"method.key_momentum": [0.9]})
    sweep = laboratory.start_sweep("exp")
    sweep.wait_for("first epoch")
    addresses = list(listening_addresses(laboratory.processes()))
    assert sweep.process.poll() is None, sweep.err
    assert len(addresses) > 4  # Ray's servers and workers
    assert [address for address in addresses if not address.is_loopback] == []
