import json
from dataclasses import asdict
from pathlib import Path

import pytest
from figures import of_packing, of_step
from rows import Goal, Row, Table, read_row


@pytest.mark.parametrize(
    ("goal", "value", "told"),
    [
        (Goal(0.85), 0.9, ">= 0.85: met"),
        (Goal(0.85), 0.8, ">= 0.85: missed"),
        (Goal(6.0, at_least=False), 6.0, "<= 6: met"),
        (Goal(6.0, at_least=False), 7.0, "<= 6: missed"),
        (Goal(6.0), None, ">= 6"),
        (None, 1.0, ""),
    ],
)
def test_a_figure_is_held_against_its_goal(goal: Goal | None, value: float | None, told: str) -> None:
    assert Row("step", value, "min", goal).cells[2] == told


def test_the_table_is_on_the_disk_after_each_part(tmp_path: Path) -> None:
    table = Table(tmp_path, {"card": "none"})
    table.add([Row("images/s", 28123.4)])
    written = (tmp_path / "gpu-day.md").read_text()
    table.note(["FAILED tests/gpu/test_views.py"])
    assert "| images/s | 28,123 |" in written
    assert "FAILED" not in written
    assert json.loads((tmp_path / "gpu-day.json").read_text())["notes"] == ["FAILED tests/gpu/test_views.py"]


def test_the_step_is_told_as_a_share_of_the_bare_encoders() -> None:
    details = {
        "our images/s": 28000,
        "minutes for 200 epochs of 50000 images": 5.9,
        "peak memory in MB": None,
        "images/s ours / lightly's": [3.4, 3.1, 3.3],
    }
    rows = of_step("R18", goals=True)({"value": 1.25, "details": details})
    assert [(row.value, row.cells[2]) for row in rows] == [
        (0.8, ">= 0.85: missed"),
        (28000, ""),
        (5.9, "<= 6: met"),
        (3.3, ">= 3: met"),
    ]


def test_a_peer_that_is_not_installed_is_said() -> None:
    details = {"our images/s": 1, "peak memory in MB": 900, "images/s ours / lightly's": "not measured: no lightly"}
    rows = of_step("R18")({"value": 1.0, "details": details})
    assert rows[-1].cells == ("R18: images/s ours / lightly's", "not measured: no lightly", ">= 3")


def test_packed_trials_are_compared_with_one() -> None:
    details = {"trials": [1, 2, 8], "images/s of 1 at once": 10, "images/s of 8 at once": 45, "device": "cuda"}
    rows = of_packing({"value": 4.5, "details": details})
    assert [row.what for row in rows] == [
        "images/s of 1 at once",
        "images/s of 8 at once",
        "8 small trials at once / one",
    ]


@pytest.mark.parametrize("row", [Row("lost", 0, "", Goal(0, at_least=False)), Row("memory", None, "not told")])
def test_a_row_of_another_process_is_read_back(row: Row) -> None:
    assert read_row(json.loads(json.dumps(asdict(row)))) == row
