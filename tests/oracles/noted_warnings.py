"""Warnings of torch, noted with the place in the package that caused them."""

import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import ftlab

PACKAGE = Path(ftlab.__file__).parent


class Note(NamedTuple):
    """A warning.

    Attributes:
        place: File of the package and line, of the innermost call.
        function: Its name.
        message: Beginning of the warning.
    """

    place: str
    function: str
    message: str


@contextmanager
def noted_warnings(pattern: str) -> Iterator[list[Note]]:
    """Yield a list that grows with each warning of this thread whose beginning matches; others stay what they are."""
    notes: list[Note] = []
    thread = threading.current_thread()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        if threading.current_thread() is thread:
            frames = traceback.extract_stack()
            last = next(frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(PACKAGE))
            place = f"{Path(last.filename).relative_to(PACKAGE)}:{last.lineno}"
            notes.append(Note(place, last.name, str(message)[:100]))

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=pattern)
        warnings.showwarning = note
        yield notes
