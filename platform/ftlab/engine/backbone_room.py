"""The room that a sweep makes for its backbones: what no table refers to goes first, and is named before."""

from ftlab.config.home import Home
from ftlab.estimate.resource_plan import ResourcePlan
from ftlab.running.kept_backbones import KeptBackbones, Room
from ftlab.terminal.backbone_listing import room_lines
from ftlab.terminal.console import say


def with_room(plan: ResourcePlan, home: Home) -> ResourcePlan:
    """Make room for the backbones of a sweep; return its resources, which keep none if they do not fit.

    Args:
        plan: Resources and estimate of the sweep.
        home: Home of the kept backbones.

    Raises:
        ConfigError: The budget is no size.
    """
    if plan.resources.keep == "nothing":
        return plan
    if _make_room(home, expected_bytes(plan)).fits:
        return plan
    return plan.keeping("nothing")


def expected_bytes(plan: ResourcePlan) -> int:
    """Return the size of the backbones that a sweep will leave, as far as it is known."""
    return (plan.estimate.backbone_bytes if plan.estimate else None) or 0


def trim(home: Home) -> None:
    """Bring the kept backbones back within their budget after a sweep."""
    _make_room(home, 0)


def _make_room(home: Home, expected: int) -> Room:
    kept = KeptBackbones(home)
    room = kept.room_for(expected)
    for line in room_lines(room, done=True):
        say(line)
    kept.delete(room.spare)
    return room
