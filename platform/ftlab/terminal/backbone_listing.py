"""Lines that state the room for kept backbones, and what must go so that more of them fit."""

from collections.abc import Sequence

from ftlab.errors import listed
from ftlab.running.kept_backbones import BUDGET, Room, holds_features
from ftlab.storage.digest_files import key_of
from ftlab.storage.folder import Entry
from ftlab.terminal.estimate_listing import format_bytes

NUM_LISTED = 8
SHOWN_DIGITS = 8


def taken_line(room: Room) -> str:
    """Return a line that says what the kept backbones take of their budget."""
    if not room.num_kept and not room.num_features:
        return f"no backbones yet, of at most {format_bytes(room.budget)}"
    who = "1 backbone takes" if room.num_kept == 1 else f"{room.num_kept} backbones take"
    free = f", {len(room.unreferenced)} of them in no table" if room.unreferenced else ""
    if room.num_features:
        who = f"{who.rpartition(' ')[0]} and {_files(room.num_features)} take"
    return f"{who} {format_bytes(room.taken)} of {format_bytes(room.budget)}{free}"


def room_lines(room: Room, *, done: bool) -> list[str]:
    """Return lines that name what goes, and say if that is not enough; none if everything fits.

    Args:
        room: The room for what is expected.
        done: Whether it is deleted now; else by the next sweep.
    """
    lines = []
    will = "are deleted" if done else "will be deleted by the sweep"
    features = [entry for entry in room.spare if holds_features(entry)]
    backbones = [entry for entry in room.spare if not holds_features(entry)]
    if features:
        what = f"{_files(len(features))} {will}, {_size(features)}"
        lines.append(f"backbones: {taken_line(room)}; {what}; computed again when needed")
    if backbones:
        lines.append(
            f"backbones: {taken_line(room)}; the oldest that no table refers to {will}, {_size(backbones)}: "
            f"{listed([_short(entry) for entry in backbones], NUM_LISTED)}"
        )
    if not room.fits:
        lines.append(
            f"backbones: {taken_line(room)}, and what tables refer to is never deleted; new ones are not kept, so that "
            f"new questions to them would train them again; a larger {BUDGET} keeps them"
        )
    return lines


def _files(number: int) -> str:
    return "1 file of features" if number == 1 else f"{number} files of features"


def _size(entries: Sequence[Entry]) -> str:
    return format_bytes(sum(entry.size for entry in entries))


def _short(entry: Entry) -> str:
    return key_of(entry.name)[:SHOWN_DIGITS]
