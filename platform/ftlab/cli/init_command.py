"""The command init: a project of one's own, outside this repository."""

from pathlib import Path
from typing import Annotated

import typer

from ftlab.new_project.project_files import write_project
from ftlab.terminal.console import say

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write to: new or empty; it names the package.")],
) -> None:
    """Write a project of your own: experiments, profiles, a Makefile, and an example of a method with its test."""
    name = write_project(folder)
    say(f"{folder}: experiments/, profiles in it, a Makefile, and the package {name} with a method and its test")
    say(f"next: cd {folder} && make sweep EXP=momentum SEEDS=1, then make sweep EXP=alignment_uniformity")
