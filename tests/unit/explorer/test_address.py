import pytest

from explorer.address import Address, cell_mark

FULL = Address(
    "momentum",
    "digits+train.epochs=5",
    "key_momentum=0.99",
    compare=("momentum/digits|a b", "methods/digits|c"),
    against="methods/digits|c",
    seed=("0", "3"),
    status=("collapsed",),
    run=("0123",),
    runs="each",
    epoch="7",
    find="momentum>=0.9 late",
    sort="-mean",
    order="seed",
)


def test_a_link_holds_everything_that_is_shown() -> None:
    assert Address.parse(str(FULL).removeprefix("/")) == FULL
    assert all(vars(FULL).values())


@pytest.mark.parametrize("search", [None, "", "?", "?colour=red", "?=&&&", "?seed"])
def test_what_an_address_does_not_say_is_usual(search: str | None) -> None:
    assert Address.parse(search) == Address()


def test_a_choice_is_toggled() -> None:
    both = FULL.toggled("seed", ["5"])
    assert both.seed == ("0", "3", "5")
    assert both.toggled("seed", ["0", "5"]).seed == ("3",)
    assert FULL.toggled("seed", ["0", "1"]).seed == ("0", "3", "1")


def test_another_table_keeps_what_is_compared() -> None:
    other = FULL.with_study("methods/digits")
    assert (other.study, other.cell, other.find, other.sort) == ("methods/digits", "", "", "")
    assert (other.compare, other.seed, other.runs) == (FULL.compare, FULL.seed, FULL.runs)


def test_a_cell_s_name_may_hold_anything_but_a_study_no_bar() -> None:
    assert cell_mark("a/b", "x|y").partition("|") == ("a/b", "|", "x|y")
