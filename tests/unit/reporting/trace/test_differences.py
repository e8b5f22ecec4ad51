import pytest

from ftlab.reporting.trace.differences import compare_file, compare_files

TABLE = "cell,n,mean,std\na,3,90.5,0.1\nb,3,91.25,\n"
TRIALS = "trial_key,seed,cell,knn/top1\nk1,0,a,90.0\nk1,0,b,90.0\n"


def problems(name: str, found: str, expected: str) -> list[str]:
    return [str(difference) for difference in compare_file(name, found, expected)]


def test_equal_files_do_not_differ() -> None:
    assert compare_files({"table.csv": TABLE, "figure.png": ""}, {"table.csv": TABLE}) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("91.25", "table.csv: cell b, column mean: 91.26 in the file, 91.25 recomputed"),
        ("b,3,", "table.csv: cell b, column n: 4 in the file, 3 recomputed"),
    ],
)
def test_a_changed_number_names_cell_and_column(found: str, expected: str) -> None:
    edited = TABLE.replace(found, {"91.25": "91.26", "b,3,": "b,4,"}[found])
    assert problems("table.csv", edited, TABLE) == [expected]


def test_the_last_bit_of_a_number_counts() -> None:
    assert problems("table.csv", TABLE.replace("90.5", "90.50000000000001"), TABLE) == [
        "table.csv: cell a, column mean: 90.50000000000001 in the file, 90.5 recomputed"
    ]


def test_an_empty_value_that_was_filled_is_named() -> None:
    assert problems("table.csv", TABLE.replace("91.25,", "91.25,0.2"), TABLE) == [
        "table.csv: cell b, column std: 0.2 in the file, '' recomputed"
    ]


def test_rows_are_named_that_are_missing_added_or_renamed() -> None:
    assert problems("table.csv", TABLE.replace("b,3,91.25,\n", ""), TABLE) == ["table.csv: cell b: missing in the file"]
    assert problems("table.csv", f"{TABLE}c,1,1.0,\n", TABLE) == [
        "table.csv: cell c: in the file, but not in the table"
    ]
    assert problems("table.csv", TABLE.replace("\nb,", "\nB,"), TABLE) == [
        "table.csv: cell b: missing in the file",
        "table.csv: cell B: in the file, but not in the table",
    ]


def test_a_row_that_stands_there_twice_is_named() -> None:
    assert problems("table.csv", f"{TABLE}a,3,95.0,0.1\n", TABLE) == ["table.csv: cell a: stands there more than once"]


def test_columns_are_named_that_are_missing_or_added() -> None:
    assert problems("table.csv", "cell,n,mean\na,3,90.5\nb,3,91.25\n", TABLE) == [
        "table.csv: column std: missing in the file"
    ]
    assert problems("table.csv", "cell,n,mean,std,p\na,3,90.5,0.1,0\nb,3,91.25,,0\n", TABLE) == [
        "table.csv: column p: in the file, but not in the table"
    ]


def test_columns_are_read_by_name() -> None:
    swapped = "cell,mean,n,std\na,90.5,3,0.1\nb,91.0,3,\n"
    assert problems("table.csv", swapped, TABLE) == [
        "table.csv: cell b, column mean: 91.0 in the file, 91.25 recomputed"
    ]
    only_swapped = swapped.replace("91.0", "91.25")
    assert problems("table.csv", only_swapped, TABLE) == [
        "table.csv: line 1: 'cell,mean,n,std' in the file, 'cell,n,mean,std' recomputed"
    ]


def test_trials_that_two_cells_share_are_told_apart() -> None:
    assert problems("trials.csv", TRIALS.replace("b,90.0", "b,91.0"), TRIALS) == [
        "trials.csv: cell b, trial k1, column knn/top1: 91.0 in the file, 90.0 recomputed"
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("one\nzwei\n", "table.md: line 2: 'zwei' in the file, 'two' recomputed"),
        ("one\ntwo", "table.md: line 3: nothing in the file, '' recomputed"),
        ("one\r\ntwo\r\n", r"table.md: line 1: 'one\r' in the file, 'one' recomputed"),
        ("x" * 200, f"table.md: line 1: '{'x' * 80}…' in the file, 'one' recomputed"),
    ],
)
def test_other_files_are_compared_by_line(found: str, message: str) -> None:
    assert problems("table.md", found, "one\ntwo\n") == [message]


def test_a_missing_file_is_named() -> None:
    assert [str(found) for found in compare_files({}, {"table.tex": "x"})] == ["table.tex: the whole file: missing"]


def test_an_emptied_csv_lacks_everything() -> None:
    assert problems("table.csv", "", TABLE)[0] == "table.csv: column cell: missing in the file"
