from io import StringIO

import pytest
from rich.cells import cell_len

from ftlab.terminal import phase as phases
from ftlab.terminal.console import PlainConsole, print_line
from ftlab.terminal.phase import phase


def terminal(width: int = 80) -> tuple[PlainConsole, StringIO]:
    printed = StringIO()
    return PlainConsole(file=printed, width=width, force_terminal=True, color_system=None), printed


def test_a_phase_is_named_on_a_terminal_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    console, printed = terminal()
    monkeypatch.setattr(phases, "console", console)
    with phase("starting Ray"):
        pass
    assert "starting Ray, 0 s" in printed.getvalue()


def test_a_phase_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with phase("starting Ray"):
        pass
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_no_break_in_a_word_or_a_command() -> None:
    console, printed = terminal(40)
    path = "/a/long/path/" + "x" * 50
    print_line(console, f"a sentence of several words about {path}: and more of them after it")
    command = 'make sweep EXP=momentum PROFILE=digits SET="train.epochs=3"'
    print_line(console, "Stopped. Finished work is kept; to continue:", command)
    lines = printed.getvalue().splitlines()
    assert f"  {path}:" in lines
    assert f"  {command}" in lines
    assert all(cell_len(line) <= 40 for line in lines if path not in line and command not in line)


def test_a_file_gets_whole_lines() -> None:
    printed = StringIO()
    print_line(PlainConsole(file=printed, width=40), "word " * 20 + "to continue:", "make sweep")
    assert printed.getvalue() == "word " * 20 + "to continue: make sweep\n"
