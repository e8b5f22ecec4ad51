"""Errors in the words of a command line: a screen at most, and nothing that commands the terminal."""

import sys

import pytest
from rich.cells import cell_len

from ftlab.cli.command_line import main

MANY = 100_000


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "momentum", "--interval", "é\n" * MANY),
        ("sweep", "momentum", "--" + "a" * MANY),
        ("sweep", "momentum", "--seeds" + "a" * MANY),
        ("sweep", "momentum", "\x1b]0;title\x07" * MANY),
        ("a" * MANY,),
        ("--" + "a b " * MANY,),
        ("table", "momentum", "--interval", "[bold]" * MANY),
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_a_usage_error_fills_at_most_a_screen(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("sweep", "momentum", *words) if words[0].startswith("\x1b") else words
    monkeypatch.setattr(sys, "argv", ["ftlab", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert "charactersleftout)..." in "".join(err.replace("│", "").split())
    assert "\x1b]" not in err
    assert sum(max(1, -(-cell_len(line) // 80)) for line in err.splitlines()) <= 24
