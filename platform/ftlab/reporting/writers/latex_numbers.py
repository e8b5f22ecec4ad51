"""Numbers of a LaTeX table, aligned at their decimal points by siunitx."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

from ftlab.reporting.printed.layout import NOTHING
from ftlab.reporting.writers.latex_symbols import symbol_tex
from ftlab.reporting.writers.plain_text import one_line

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "†": r"$^\dagger$",
        "‡": r"$^\ddagger$",
        "§": r"$^\S$",
        "¶": r"$^\P$",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)
NUMBER = re.compile(r"([<+-]?)(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class NumberColumn:
    """A column of siunitx.

    Attributes:
        sign: Sign or comparator that it reserves room for; empty for none.
        whole: Digits before the decimal point.
        decimals: Digits after it.
    """

    sign: str
    whole: int
    decimals: int

    @property
    def specification(self) -> str:
        """Specification of the column in the preamble of the tabular."""
        decimals = f".{self.decimals}" if self.decimals else ""
        return f"S[table-format={self.sign}{self.whole}{decimals}]"

    def cell(self, text: str, marks: str = "", *, is_best: bool = False) -> str:
        """Return a cell: a number in its place, in bold if no row beats it, or words in the middle.

        Args:
            text: A number, or words.
            marks: Footnote marks, which take no room.
            is_best: Whether it is printed in bold.
        """
        note = rf"\rlap{{{escape_tex(marks)}}}" if marks else ""
        if not is_number(text):
            return f"{{{escape_tex(text)}{note}}}"
        return (r"\bfseries " if is_best else "") + text + (f"{{{note}}}" if note else "")


def number_column(texts: Sequence[str]) -> NumberColumn:
    """Return a column with room for every text that is a number.

    >>> number_column(["88.0", "-3.25", "collapse"]).specification
    'S[table-format=-2.2]'
    """
    parts = [_parts(text) for text in texts if is_number(text)] or [("", "0", "")]
    signs = [sign for sign, _, _ in parts if sign]
    return NumberColumn(
        sign="<" if "<" in signs else (signs or [""])[0],
        whole=max(len(whole) for _, whole, _ in parts),
        decimals=max(len(decimals) for _, _, decimals in parts),
    )


def is_number(text: str) -> bool:
    """Return whether siunitx reads a text as a number."""
    return NUMBER.fullmatch(text) is not None


def escape_tex(text: str) -> str:
    """Return a text in one line, escaped so that LaTeX prints it; the dash of an empty cell becomes an en dash."""
    return "--" if text == NOTHING else "".join(map(_character_tex, normalize("NFC", one_line(text))))


def _character_tex(character: str) -> str:
    return ESCAPES.get(ord(character)) or symbol_tex(character)


def interval_tex(text: str) -> str:
    """Return an interval with minus signs instead of hyphens."""
    return escape_tex(text) if text == NOTHING else f"${text}$"


def _parts(text: str) -> tuple[str, str, str]:
    sign = text[0] if text[0] in "<+-" else ""
    whole, _, decimals = text.removeprefix(sign).partition(".")
    return sign, whole, decimals
