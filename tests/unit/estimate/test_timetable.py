from dataclasses import dataclass

import pytest

from ftlab.config.trial import TrialConfig
from ftlab.estimate.timetable import Turn, Work, make_timetable
from ftlab.study.spec import Trial


@dataclass(frozen=True)
class Part:
    """The literal work of a test."""

    trial: Trial
    start_epoch: int = 0
    parent: str | None = None


def part(key: str, epochs: int = 10, start_epoch: int = 0, parent: str | None = None) -> Part:
    config = TrialConfig.model_validate({"train": {"epochs": epochs}})
    return Part(Trial(key, "cell", "cell", config, "d" * 32), start_epoch, parent)


def seconds(work: Work, epoch: int) -> float:
    """A second to start, and one for each epoch."""
    return 1.0 + epoch - work.start_epoch


def timetable(slots: int, *works: Part) -> list[Turn]:
    return make_timetable(works, slots, seconds)


def test_one_slot_runs_one_after_the_other() -> None:
    assert timetable(1, part("a"), part("b", epochs=4)) == [Turn("a", 0.0, 11.0), Turn("b", 11.0, 16.0)]


def test_a_free_slot_takes_the_next() -> None:
    turns = timetable(2, part("a"), part("b", epochs=4), part("c", epochs=4), part("d"))
    assert turns == [Turn("a", 0.0, 11.0), Turn("b", 0.0, 5.0), Turn("c", 5.0, 10.0), Turn("d", 10.0, 21.0)]


def test_more_slots_than_trials_are_no_use() -> None:
    assert timetable(50, part("a"), part("b")) == [Turn("a", 0.0, 11.0), Turn("b", 0.0, 11.0)]


def test_a_branch_waits_for_its_fork_while_others_work() -> None:
    turns = timetable(2, part("trunk"), part("branch", start_epoch=6, parent="trunk"), part("other", epochs=3))
    # The fork is there at 7; the slot that is free at 4 waits for it.
    assert turns == [Turn("trunk", 0.0, 11.0), Turn("other", 0.0, 4.0), Turn("branch", 7.0, 12.0)]


def test_a_branch_of_a_branch_waits_for_both() -> None:
    turns = timetable(
        3,
        part("trunk"),
        part("branch", start_epoch=4, parent="trunk"),
        part("twig", start_epoch=7, parent="branch"),
    )
    assert turns == [Turn("trunk", 0.0, 11.0), Turn("branch", 5.0, 12.0), Turn("twig", 9.0, 13.0)]


def test_a_resumed_trial_and_one_with_a_finished_parent_are_ready() -> None:
    turns = timetable(2, part("resumed", start_epoch=8), part("forked", start_epoch=5, parent="recorded"))
    assert turns == [Turn("resumed", 0.0, 3.0), Turn("forked", 0.0, 6.0)]


@pytest.mark.parametrize("slots", [1, 2, 7])
def test_every_trial_has_one_turn_and_no_slot_two_at_a_time(slots: int) -> None:
    works = [part("t0"), *(part(f"t{i}", 10 + i, i % 5, f"t{i // 2}" if i % 5 else None) for i in range(1, 30))]
    turns = timetable(slots, *works)
    assert sorted(turn.key for turn in turns) == sorted(work.trial.key for work in works)
    moments = [turn.start for turn in turns]
    assert max(sum(turn.start <= moment < turn.end for turn in turns) for moment in moments) <= slots


def test_nothing_takes_no_time() -> None:
    assert timetable(2) == []
