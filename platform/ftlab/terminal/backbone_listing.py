"""Lines that state the room for kept backbones, and what must go so that more of them fit."""

from ftlab.errors import listed
from ftlab.running.kept_backbones import BUDGET, Room
from ftlab.storage.folder import Entry
from ftlab.terminal.estimate_listing import format_bytes
from ftlab.training.backbone_store import key_of

NUM_LISTED = 8
SHOWN_DIGITS = 8


def taken_line(room: Room) -> str:
    """Return a line that says what the kept backbones take of their budget."""
    if not room.num_kept:
        return f"no backbones yet, of at most {format_bytes(room.budget)}"
    number = "1 backbone takes" if room.num_kept == 1 else f"{room.num_kept} backbones take"
    free = f", {len(room.unreferenced)} of them in no table" if room.unreferenced else ""
    return f"{number} {format_bytes(room.taken)} of {format_bytes(room.budget)}{free}"


def room_lines(room: Room, *, done: bool) -> list[str]:
    """Return lines that name what goes, and say if that is not enough; none if everything fits.

    Args:
        room: The room for what is expected.
        done: Whether it is deleted now; else by the next sweep.
    """
    lines = []
    if room.spare:
        size = format_bytes(sum(entry.size for entry in room.spare))
        will = "are deleted" if done else "will be deleted by the sweep"
        lines.append(
            f"backbones: {taken_line(room)}; the oldest that no table refers to {will}, {size}: {_named(room)}"
        )
    if not room.fits:
        lines.append(
            f"backbones: {taken_line(room)}, and what tables refer to is never deleted; new ones are not kept, so that "
            f"new questions to them would train them again; a larger {BUDGET} keeps them"
        )
    return lines


def _named(room: Room) -> str:
    return listed([_short(entry) for entry in room.spare], NUM_LISTED)


def _short(entry: Entry) -> str:
    return key_of(entry.name)[:SHOWN_DIGITS]
