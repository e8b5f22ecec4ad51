"""The benchmarks of a GPU day: what is run, and the rows that their reports become."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rows import Goal, Row

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """A script of tests/benchmarks with its arguments.

    Attributes:
        name: Its row if it fails.
        script: File name without ending.
        arguments: On a GPU.
        small: Arguments that a laptop's cores can do; None where they can do nothing in time.
        seconds: Time that it may take.
        rows: From its report to rows.
    """

    name: str
    script: str
    arguments: str
    small: str | None
    seconds: float
    rows: Callable[[Report], list[Row]]


def of_step(name: str, *, goals: bool = False) -> Callable[[Report], list[Row]]:
    """Return what reads the report of ``resnet_step``."""

    def rows(report: Report) -> list[Row]:
        details = report["details"]
        found = [
            Row(f"{name}: share of the bare encoders' rate", 1 / report["value"], "", Goal(0.85) if goals else None),
            Row(f"{name}: images/s", details["our images/s"]),
        ]
        if goals:
            minutes = next(value for key, value in details.items() if key.startswith("minutes for 200 epochs"))
            found.append(Row(f"{name}: 200 epochs of CIFAR-10", minutes, "min", Goal(6.0, at_least=False)))
        if details["peak memory in MB"] is not None:
            found.append(Row(f"{name}: peak memory", details["peak memory in MB"], "MB"))
        peer = details.get("images/s ours / lightly's")
        if isinstance(peer, list):
            found.append(Row(f"{name}: images/s ours / lightly's", sorted(peer)[len(peer) // 2], "", Goal(3.0)))
        elif peer is not None:
            found.append(Row(f"{name}: images/s ours / lightly's", None, peer, Goal(3.0)))
        if "compilation failed" in details:
            found.append(Row(f"{name}: compilation failed", None, details["compilation failed"]))
        return found

    return rows


def of_overhead(report: Report) -> list[Row]:
    """Read the report of ``ft_overhead``."""
    details, most = report["details"], Goal(1.03, at_least=False)
    return [
        Row(f"FT on / off, K {details['K']:,}, without encoders", report["value"], "", most),
        Row(
            f"FT on / off, K {details['K']:,}, whole ResNet-18 step",
            details["batch granularity, ratio of the whole ResNet-18 step"],
            "",
            most,
        ),
        Row("FT per element on / off, without encoders", details["element granularity, ratio without encoders"]),
    ]


def of_packing(report: Report) -> list[Row]:
    """Read the report of ``packing``."""
    rates = [Row(key, rate) for key, rate in report["details"].items() if key.startswith("images/s of")]
    most = max(report["details"]["trials"])
    return [*rates, Row(f"{most} small trials at once / one", report["value"], "", Goal(3.0))]


def of_fused(report: Report) -> list[Row]:
    """Read the report of ``fused_seeds``."""
    return [Row(f"{report['details']['seeds']} fused seeds / one after another", report["value"], "times as fast")]


R18 = "--batch 512 --precision bfloat16"
R18_SMALL = "--batch 16 --queue 512 --images 64 --steps 1 --rounds 1"
R50 = "--backbone resnet50 --stem imagenet --no-peer"

STEP = (
    Benchmark(
        "ResNet-18", "resnet_step", f"{R18} --steps 30 --rounds 3", R18_SMALL, 60, of_step("ResNet-18", goals=True)
    ),
    Benchmark("FT on / off", "ft_overhead", "--rounds 5", "--batch 16 --queue 1024 --rounds 1", 30, of_overhead),
    Benchmark(
        "ResNet-50, 224 px",
        "resnet_step",
        f"{R50} --precision bfloat16 --size 224 --images 4096 --batch 256 --steps 6 --rounds 2",
        f"{R50} --size 64 --images 32 --batch 16 --queue 64 --steps 1 --rounds 1",
        40,
        of_step("ResNet-50, 224 px"),
    ),
    Benchmark(
        "ResNet-18 compiled",
        "resnet_step",
        f"{R18} --steps 30 --rounds 3 --no-peer --compile default",
        None,
        60,
        of_step("ResNet-18 compiled"),
    ),
    Benchmark(
        "ResNet-18 compiled, reduce-overhead",
        "resnet_step",
        f"{R18} --steps 30 --rounds 3 --no-peer --compile reduce-overhead",
        None,
        60,
        of_step("ResNet-18 compiled, reduce-overhead"),
    ),
)
PACKING = (
    Benchmark(
        "packing",
        "packing",
        "--trials 1 2 4 8 --steps 200 --rounds 2",
        "--trials 1 2 --steps 20 --rounds 1",
        45,
        of_packing,
    ),
    Benchmark("fused seeds", "fused_seeds", "--rounds 5", "--rounds 1 --seeds 2", 30, of_fused),
)
