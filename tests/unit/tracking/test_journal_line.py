import json
import math
from hashlib import sha256

import pytest

from ftlab.tracking.journal_line import FORMAT, Seal, check_seal, journal_line

EVENT = {"event": "epochs", "epochs": [{"epoch": 1, "metrics": {"loss": 0.1, "nan": math.nan, "inf": -math.inf}}]}
LINE = journal_line(EVENT)


def test_a_line_is_the_event_its_format_and_a_checksum_of_both() -> None:
    text = json.dumps({**EVENT, "format": FORMAT}, separators=(",", ":"))
    assert LINE.decode() == f'{text[:-1]},"checksum":"{sha256(text.encode()).hexdigest()[:16]}"}}'
    read = json.loads(LINE)
    assert list(read)[-2:] == ["format", "checksum"]
    assert read["format"] == FORMAT
    spelled = {name: repr(value) for name, value in read["epochs"][0]["metrics"].items()}
    assert spelled == {"loss": "0.1", "nan": "nan", "inf": "-inf"}
    assert b"\n" not in LINE


def test_every_flipped_bit_of_the_content_is_found() -> None:
    assert check_seal(LINE) is Seal.INTACT
    for place in range(len(LINE)):
        for bit in (1, 16, 128):
            damaged = LINE[:place] + bytes([LINE[place] ^ bit]) + LINE[place + 1 :]
            assert check_seal(damaged) is not Seal.INTACT


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"\xff\x00",
        LINE[:-1],
        LINE + b" ",
        b'{"event":"outcome","time":1.0}',
        LINE.replace(b'"checksum":"', b'"checksum": "'),
        LINE[:-3] + LINE[-2:],
    ],
)
def test_what_does_not_end_in_a_checksum_has_none(line: bytes) -> None:
    assert check_seal(line) is Seal.ABSENT


@pytest.mark.parametrize("other", [b" ", b',"time":1.0', b',"checksum":"0000000000000000"'])
def test_what_was_put_in_before_the_checksum_breaks_it(other: bytes) -> None:
    seal = LINE.rindex(b',"checksum"')
    assert check_seal(LINE[:seal] + other + LINE[seal:]) is Seal.BROKEN


def test_the_same_json_in_another_spelling_is_not_what_was_written() -> None:
    content = json.loads(LINE)
    content["epochs"][0]["metrics"]["loss"] = 0.10
    spelled = LINE.replace(b'"loss":0.1,', b'"loss":0.10,')
    assert repr(json.loads(spelled)) == repr(content)
    assert check_seal(spelled) is Seal.BROKEN
