import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.config.home import Home
from ftlab.errors import ConfigError
from ftlab.running.kept_backbones import KeptBackbones, Room, budget_bytes
from ftlab.terminal.backbone_listing import room_lines, taken_line

Fill = Callable[..., None]


@pytest.fixture
def fill(home: Home) -> Fill:
    """Write made-up backbones of a kilobyte, the first one the oldest: `fill("a", "b")`."""

    def write(*keys: str) -> None:
        for age, key in enumerate(reversed(keys)):
            path = home / "backbones" / f"{key}-digest.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 1000)
            os.utime(path, (10_000 - age, 10_000 - age))

    return write


def room_of(home: Home, expected: int, budget: str, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("FTLAB_BACKBONES", budget)
    return KeptBackbones(home).room_for(expected)


def names(room: Room) -> list[str]:
    return [entry.name.partition("-")[0] for entry in room.spare]


def test_the_oldest_that_no_table_refers_to_goes_first(home: Home, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill("d", "a", "c", "b")
    KeptBackbones(home).refer("exp/tiny", ["a"])
    room = room_of(home, 500, "3kB", monkeypatch)
    assert (room.taken, room.budget, room.num_kept, room.fits) == (4000, 3000, 4, True)
    assert names(room) == ["d", "c"]
    KeptBackbones(home).delete(room.spare)
    assert KeptBackbones(home).keys() == {"a", "b"}
    assert names(room_of(home, 1000, "3kB", monkeypatch)) == []


def test_what_a_table_refers_to_stays_however_full_it_is(
    home: Home, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill("a", "b", "c")
    kept = KeptBackbones(home)
    kept.refer("exp/tiny", ["a"])
    kept.refer("other/tiny", ["b"])
    room = room_of(home, 1, "2 kB", monkeypatch)
    assert (names(room), room.fits) == (["c"], False)
    (going, staying) = room_lines(room, done=True)
    assert (
        "3 backbones take 3 kB of 2 kB, 1 of them in no table; the oldest that no table refers to are deleted" in going
    )
    assert going.endswith("1 kB: c")
    assert "never deleted; new ones are not kept" in staying
    kept.refer("other/tiny", ["c"])  # the table changed
    assert names(room_of(home, 0, "2 kB", monkeypatch)) == ["b"]


def test_features_go_before_any_backbone(home: Home, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill("a", "b")
    (home / "backbones" / "c-digest.features").write_bytes(b"x" * 1000)
    room = room_of(home, 0, "1.5kB", monkeypatch)
    assert (room.taken, room.num_kept, room.num_features, names(room)) == (3000, 2, 1, ["c", "a"])
    assert taken_line(room) == "2 backbones and 1 file of features take 3 kB of 2 kB, 2 of them in no table"
    features, backbones = room_lines(room, done=False)
    assert "1 file of features will be deleted by the sweep, 1 kB; computed again when needed" in features
    assert backbones.endswith("will be deleted by the sweep, 1 kB: a")


def test_enough_room_needs_no_words(home: Home, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill("a")
    room = room_of(home, 10**9, "20GB", monkeypatch)
    assert room_lines(room, done=False) == []
    assert taken_line(room) == "1 backbone takes 1 kB of 20.0 GB, 1 of them in no table"


def test_a_damaged_table_is_set_aside(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    kept = KeptBackbones(home)
    kept.refer("exp/tiny", ["a"])
    (path,) = Path(home / "tables").iterdir()
    path.write_bytes(path.read_bytes().replace(b"exp", b"xxx"))
    assert kept.room_for(0).fits
    assert "may be deleted until it is swept again" in caplog.text


@pytest.mark.parametrize(("text", "size"), [("20GB", 20e9), ("1.5 tb", 1.5e12), ("300kB", 3e5), ("", 20e9)])
def test_a_budget_is_a_size(text: str, size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_BACKBONES", text)
    assert budget_bytes() == size


@pytest.mark.parametrize("text", ["20", "-1GB", "much", "1e3GB", "20GiB"])
def test_another_budget_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLAB_BACKBONES", text)
    with pytest.raises(ConfigError, match=r"must be a size in kB, MB, GB or TB, but got .*; nearest valid: 20GB"):
        budget_bytes()
