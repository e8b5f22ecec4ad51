"""The differences between a file of a table and the same file made anew."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

# The columns that tell the rows of a CSV file apart; any other file is compared line by line.
ROW_KEYS: Mapping[str, tuple[str, ...]] = {
    "table.csv": ("cell",),
    "trials.csv": ("cell", "trial_key"),
    "transfer.csv": ("cell", "task"),
}
SHOWN = 80


@dataclass(frozen=True)
class Difference:
    """A difference between a file and the same file made anew.

    Attributes:
        file: Name of the file.
        place: Place in the file: a cell and a column, or a line.
        problem: The difference there, in words.
    """

    file: str
    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.problem}"


@dataclass(frozen=True)
class _Sheet:
    """A CSV file by the names of its rows and columns, and the columns that give a row its name."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Mapping[str, str]]
    repeated: tuple[str, ...]


def compare_files(found: Mapping[str, str], expected: Mapping[str, str]) -> list[Difference]:
    """Return the differences between files and the same files made anew, in the order of the latter.

    Args:
        found: Content of the files that are there, by name.
        expected: Content that they must have.
    """
    differences: list[Difference] = []
    for name, text in expected.items():
        if name not in found:
            differences.append(Difference(name, "the whole file", "missing"))
        else:
            differences += compare_file(name, found[name], text)
    return differences


def compare_file(name: str, found: str, expected: str) -> list[Difference]:
    """Return the differences between a file and the same file made anew; numbers differ when their text does.

    A CSV file is compared by the names of its rows and columns, everything else by its first differing line.
    """
    if found == expected:
        return []
    keys = ROW_KEYS.get(name)
    by_cell = list(_compare_sheets(name, _read(found, keys), _read(expected, keys))) if keys else []
    return by_cell or [_first_line(name, found, expected)]


def _compare_sheets(name: str, found: _Sheet, expected: _Sheet) -> Iterator[Difference]:
    for repeated in found.repeated:
        yield Difference(name, repeated, "stands there more than once")
    for column in expected.columns:
        if column not in found.columns:
            yield Difference(name, f"column {column}", "missing in the file")
    for column in found.columns:
        if column not in expected.columns:
            yield Difference(name, f"column {column}", "in the file, but not in the table")
    for key in expected.rows:
        if key not in found.rows:
            yield Difference(name, _row_name(expected.keys, key), "missing in the file")
    for key, row in found.rows.items():
        if key not in expected.rows:
            yield Difference(name, _row_name(expected.keys, key), "in the file, but not in the table")
            continue
        for column, text in expected.rows[key].items():
            if column in row and row[column] != text:
                place = f"{_row_name(expected.keys, key)}, column {column}"
                yield Difference(name, place, f"{_shown(row[column])} in the file, {_shown(text)} recomputed")


def _read(text: str, keys: Sequence[str]) -> _Sheet:
    lines = list(csv.reader(text.splitlines()))
    columns = tuple(lines[0]) if lines else ()
    rows: dict[tuple[str, ...], Mapping[str, str]] = {}
    names: list[tuple[str, ...]] = []
    for line in lines[1:]:
        row = dict(zip_longest(columns, line[: len(columns)], fillvalue=""))
        name = tuple(row.get(key, "") for key in keys)
        names.append(name)
        rows.setdefault(name, row)
    repeated = [_row_name(keys, name) for name, count in Counter(names).items() if count > 1]
    repeated += [f"column {column}" for column, count in Counter(columns).items() if count > 1]
    return _Sheet(tuple(keys), columns, rows, tuple(repeated))


def _first_line(name: str, found: str, expected: str) -> Difference:
    pairs = zip_longest(found.split("\n"), expected.split("\n"))
    for number, (ours, theirs) in enumerate(pairs, 1):
        if ours != theirs:
            return Difference(name, f"line {number}", f"{_shown(ours)} in the file, {_shown(theirs)} recomputed")
    raise AssertionError("two texts that differ have a line that differs")


def _row_name(keys: Sequence[str], row: Sequence[str]) -> str:
    return ", ".join(f"{key.removesuffix('_key')} {text}" for key, text in zip(keys, row, strict=True))


def _shown(text: str | None) -> str:
    if text is None:
        return "nothing"
    try:
        float(text)
    except ValueError:
        return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
    return text
