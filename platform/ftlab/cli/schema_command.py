"""The command that writes the JSON schemas of experiment files: schema."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder
from ftlab.terminal.console import say

app = typer.Typer()


@app.command()
def schema(
    folder: Annotated[Path | None, typer.Argument(help="Folder to write to; by default experiments/schema.")] = None,
) -> None:
    """Write the JSON schemas that let editors complete experiment, profile and search files."""
    target = folder or experiments_folder() / "schema"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in json_schemas().items():
        path = target / f"{name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n")
        say(f"{path}: completes and checks every {name} file")
