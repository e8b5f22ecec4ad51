"""The consoles that all commands print to."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters, unpaired surrogates, and marks that change the direction of the text after them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Together 20 lines of 80 characters. A message begins with the rule and ends with the nearest valid choice.
_HEAD_LINES, _TAIL_LINES, _LINE_LENGTH = 14, 6, 80

INTERRUPTED = 130  # exit status of a command that a signal stopped


class PlainConsole(Console):
    """A console whose texts cannot command the terminal: names come from files and stores that others write."""

    def on_broken_pipe(self) -> None:
        """Go on in silence after the reader of the output has gone: a sweep must still close its study."""
        self.quiet = True
        with suppress(OSError, ValueError):  # an output without a file of its own needs no other
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as `Console` does, with characters that a terminal would obey spelled out."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def printable(text: str) -> str:
    r"""Return a text in which every character that a terminal would obey is spelled out.

    >>> printable("\x1b]0;title\x07")
    '\\x1b]0;title\\x07'
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def on_a_screen(text: str, *, lines_elsewhere: int = 0) -> str:
    """Return a text of which only the begin and the end are kept if it fills more than a screen, with the rest counted.

    Args:
        text: A message.
        lines_elsewhere: Lines of the screen that something else fills, at most 13.

    >>> on_a_screen("a" * 5000)[1110:1170]
    'aaaaaaaaaa ... (3,400 characters left out) ... aaaaaaaaaaaaa'
    """
    shown = printable(text)
    head_lines = _HEAD_LINES - lines_elsewhere
    head = "".join(shown[: head_lines * _LINE_LENGTH].splitlines(keepends=True)[:head_lines])
    tail = "".join(shown[-_TAIL_LINES * _LINE_LENGTH :].splitlines(keepends=True)[-_TAIL_LINES:])
    left_out = len(shown) - len(head) - len(tail)
    return f"{head} ... ({left_out:,} characters left out) ... {tail}" if left_out > 0 else shown


console = PlainConsole()
error_console = PlainConsole(stderr=True)


def print_line(where: Console, line: str, command: str = "") -> None:
    """Print a line without interpreting markup in it; a terminal gets no break inside a word, a path or a command.

    Args:
        where: Console to print on.
        line: The line.
        command: A command for the shell, which ends the line; it is never broken, so that it can be copied.
    """
    whole = f"{line} {command}" if command else line
    if where.is_terminal and cell_len(whole) > where.width:
        texts = [line, *([f"  {command}"] if command else [])]
        whole = "\n".join([*_wrapped(texts[0], where.width), *texts[1:]])
    where.print(whole, markup=False, highlight=False, soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        lines += wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
    return lines


def say(line: str, command: str = "") -> None:
    """Print a line, see `print_line`."""
    print_line(console, line, command)


def complain(line: str, command: str = "") -> None:
    """Print a line to the error output, see `print_line`."""
    print_line(error_console, line, command)


def report_refused(refused: Mapping[str, str], command: str) -> None:
    """Warn about trials that are recorded without their files, and name the command that stores them."""
    if refused:
        complain(
            f"The score histories of {len(refused)} trials could not be stored: {next(iter(refused.values()))}. "
            f"Their numbers are recorded, their histories are kept, and the next {command} stores them."
        )


def report_undelivered(keys: Sequence[str], command: str) -> None:
    """Warn about trials that could not be recorded, and name the command that records them."""
    if keys:
        complain(
            f"{len(keys)} trials could not be recorded: the tracking store did not answer. "
            f"They are kept, and the next {command} records them without training."
        )
