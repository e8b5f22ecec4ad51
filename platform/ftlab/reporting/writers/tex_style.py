"""The styles of a table in LaTeX."""

from typing import Literal

TexStyle = Literal["compact", "wide", "full"]
