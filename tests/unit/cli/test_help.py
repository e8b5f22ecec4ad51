"""The help of commands: paragraphs that the terminal breaks, at its own width."""

import sys
from itertools import pairwise

import pytest

from ftlab.cli.command_line import main

WIDTH = 80


def test_a_paragraph_fills_its_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setattr(sys, "argv", ["ftlab", "import-journal", "--help"])
    with pytest.raises(SystemExit):
        main()
    lines = [line.strip() for line in capsys.readouterr().out.partition("╭")[0].splitlines()]
    (start,) = [place for place, line in enumerate(lines) if line.startswith("Use it for trials")]
    paragraph = lines[start : lines.index("", start)]
    assert len(paragraph) > 1
    for line, following in pairwise(paragraph):
        assert len(line) + 1 + len(following.split()[0]) > WIDTH - 2
