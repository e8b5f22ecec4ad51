from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.comparability import Caveat, comparable_facts, find_caveats
from ftlab.reporting.writers.markdown import table_md

FACTS = {"epochs": "100", "torch": "2.15.0"}


def test_facts_come_from_settings_and_tags() -> None:
    params = {"train.epochs": "100", "train.precision": "bfloat16", "probe.every": "10", "probe.knn_k": "20"}
    tags = {"data.fingerprint": "0123456789abcdef", "hardware.device": "cpu", "version.torch": "2.15.0"}
    assert comparable_facts({"params": params, "tags": tags}) == {
        "epochs": "100",
        "batch size": "unknown",
        "precision": "bfloat16",
        "data": "01234567",
        "device": "cpu",
        "torch": "2.15.0",
        "numpy": "unknown",
        "probe.knn_k": "20",
    }


def test_trials_without_settings_are_unknown() -> None:
    assert set(comparable_facts({"params": float("nan")}).values()) == {"unknown"}


def test_equal_trials_have_no_caveat() -> None:
    assert find_caveats([FACTS, FACTS], [FACTS]) == ()


def test_a_cell_without_trials_has_no_caveat() -> None:
    assert find_caveats([], [FACTS]) == ()


def test_another_budget_is_told() -> None:
    caveats = find_caveats([{**FACTS, "epochs": "50"}], [FACTS])
    assert caveats == (Caveat("epochs", ("50",), ("100",)),)
    assert str(caveats[0]) == "epochs 50 against 100"


def test_a_setting_that_only_one_side_has_is_told() -> None:
    assert [str(caveat) for caveat in find_caveats([{**FACTS, "probe.knn_k": "5"}], [FACTS])] == [
        "probe.knn_k 5 against unknown"
    ]


def test_seeds_that_differ_among_themselves_are_told() -> None:
    mixed = [FACTS, {**FACTS, "torch": "2.14.0"}]
    assert [str(caveat) for caveat in find_caveats(mixed)] == ["torch 2.14.0 and 2.15.0 among its seeds"]
    assert [str(caveat) for caveat in find_caveats(mixed, mixed)] == ["torch 2.14.0 and 2.15.0 among its seeds"]
    assert [str(caveat) for caveat in find_caveats(mixed, [FACTS])] == ["torch 2.14.0 and 2.15.0 against 2.15.0"]


def test_the_table_marks_such_cells(differing_table: AblationTable) -> None:
    lines = table_md(differing_table).splitlines()
    assert ["‡" in line for line in lines[4:7]] == [False, True, True]
    shorter, mixed = "shorter (epochs 50 against 100)", "mixed (torch 2.14.0 and 2.15.0 against 2.15.0)"
    assert f"‡ Not trained or judged alike: {shorter}; {mixed}." in lines
