"""The size of the package's files and functions: what grows beyond it is divided."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

PACKAGE = Path(__file__).parents[2] / "platform" / "ftlab"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def file_lengths() -> list[int]:
    return [len(path.read_text().splitlines()) for path in FILES]


def function_lengths() -> list[int]:
    return [node.end_lineno - node.lineno + 1 for node in functions() if node.end_lineno]


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@pytest.mark.parametrize(("measure", "most"), [(file_lengths, (120, 220)), (function_lengths, (8, 22))])
def test_the_median_and_the_longest_tenth_are_short(measure: Callable[[], list[int]], most: tuple[int, int]) -> None:
    lengths = measure()
    middle, long = median(lengths), quantiles(lengths, n=10, method="inclusive")[-1]
    report = f"{measure.__name__}: median {middle:g} lines (at most {most[0]}), p90 {long:g} lines (at most {most[1]})"
    print(report)  # noqa: T201 - pytest -s shows it
    assert len(lengths) > 200
    assert middle <= most[0], report
    assert long <= most[1], report
