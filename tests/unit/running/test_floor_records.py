import logging
from pathlib import Path

import pytest

from ftlab.config.home import Home
from ftlab.running.floor_records import FloorRecord, FloorRecords

RECORD = FloorRecord({"probe/top1": 12.5, "knn/top1": 100.0}, {"probe/top1": [3, 5]}, 10)


def test_a_record_is_read_back(tmp_path: Path) -> None:
    records = FloorRecords(Home(str(tmp_path)))
    assert records.load("key") is None
    records.save("key", RECORD)
    assert records.load("key") == RECORD


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"metrics":{"a":101},"right":{},"num_classes":2}', b"\xff"])
def test_a_damaged_record_is_set_aside(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    records = FloorRecords(Home(str(tmp_path)))
    records.save("key", RECORD)
    (tmp_path / "floors" / "key.json").write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert records.load("key") is None
    assert "set aside" in caplog.text
    records.save("key", RECORD)
    assert records.load("key") == RECORD


def test_an_altered_number_is_noticed(tmp_path: Path) -> None:
    records = FloorRecords(Home(str(tmp_path)))
    records.save("key", RECORD)
    path = tmp_path / "floors" / "key.json"
    path.write_bytes(path.read_bytes().replace(b"12.5", b"82.5"))
    assert records.load("key") is None
