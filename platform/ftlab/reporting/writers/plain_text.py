"""Texts in one line, without control characters that a terminal or a printer would obey."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def one_line(text: str) -> str:
    r"""Return a text with a space for each run of white space and control characters.

    >>> one_line("two\nlines\x1b[2J")
    'two lines [2J'
    """
    return " ".join(_CONTROL.sub(" ", text).split())
