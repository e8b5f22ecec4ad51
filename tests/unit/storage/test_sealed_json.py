import logging
from pathlib import Path
from typing import Any

import pytest

from ftlab.storage.local import LocalFolder
from ftlab.storage.sealed_json import DamagedError, misfit, read_sealed, sealed, set_aside

SHAPE = {"name": str, "counts": [int], "seconds?": {str: float}, "start?": None}
CONTENT: dict[str, Any] = {"name": "a", "counts": [1, 2], "seconds": {"b": 0.1}}


def test_what_was_sealed_is_read() -> None:
    assert read_sealed(sealed(CONTENT), SHAPE) == (CONTENT, True)
    assert read_sealed(b'{\n "name": "a", "counts": []}\n', SHAPE) == ({"name": "a", "counts": []}, False)


def test_no_flipped_bit_is_read() -> None:
    text = sealed(CONTENT)
    for place in range(len(text)):
        for bit in range(8):
            damaged = text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1 :]
            with pytest.raises(DamagedError):
                read_sealed(damaged, SHAPE)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": 7}, "name: 7 is no str"),
        ({"name": "\ud800"}, r"name: '\\ud800' is no str"),
        ({"counts": {}}, r"counts: \{\} is no list"),
        ({"counts": [1, True]}, "counts: True is no int"),
        ({"counts": [-1]}, "counts: -1 is no int"),
        ({"counts": [2**63]}, "counts: 9223372036854775808 is no int"),
        ({"seconds": []}, r"seconds: \[\] is no object"),
        ({"seconds": {"b": None}}, "seconds: b: None is no float"),
        ({"seconds": {"b": 10**400}}, "seconds: b: 1000.* is no float"),
        ({"start": 0}, "start: 0 is no "),
        ({"other": 0}, "'other' is no field of it"),
    ],
)
def test_another_shape_is_named(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(DamagedError, match=fault):
        read_sealed(sealed({**CONTENT, **change}), SHAPE)


@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[]", b"null", b'"a"', b"[" * 100_000, b"1" * 5000, b"{}"])
def test_what_is_no_such_object_is_damaged(text: bytes) -> None:
    with pytest.raises(DamagedError):
        read_sealed(text, SHAPE)


def test_floats_may_be_written_as_integers() -> None:
    assert misfit([1, 0.5, float("nan")], [float]) == ""


def test_a_file_that_is_set_aside_keeps_its_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for content in (b"first", b"second", b"second"):
        (tmp_path / "a.json").write_bytes(content)
        set_aside(LocalFolder(tmp_path), "a.json", "it is no JSON")
    set_aside(LocalFolder(tmp_path), "a.json", "it is gone")
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"first", b"second"]
    assert len(caplog.records) == 3
    assert f"{tmp_path}/a.json is damaged (it is no JSON) and set aside as a.json.damaged-" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
