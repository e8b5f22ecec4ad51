"""The commands about settings: config prints those of every cell, schema writes what editors check them by."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from ftlab.cli.options import Experiment, Overrides, Profile, Seeds, load_asked
from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder
from ftlab.terminal.console import console, say

app = typer.Typer()


@app.command()
def config(
    experiment: Experiment, profile: Profile = "digits", seeds: Seeds = None, overrides: Overrides = None
) -> None:
    """Print the resolved settings of every cell, checked as a sweep would check them."""
    study, _ = load_asked(experiment, profile, seeds, overrides)
    content = {
        "experiment": study.experiment,
        "profile": study.profile_name,
        "metric": study.metric,
        "seeds": list(study.seeds),
        "resources": study.profile.resources.model_dump(mode="json"),
        "cells": {cell.name: cell.config.model_dump(mode="json", exclude={"seed"}) for cell in study.cells},
    }
    console.print(yaml.safe_dump(content, sort_keys=False), end="", markup=False, highlight=False, soft_wrap=True)


@app.command()
def schema(
    folder: Annotated[Path | None, typer.Argument(help="Folder to write to; by default experiments/schema.")] = None,
) -> None:
    """Write the JSON schemas that let editors complete experiment, profile and search files."""
    target = folder or experiments_folder() / "schema"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in json_schemas().items():
        path = target / f"{name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        say(f"{path}: completes and checks every {name} file")
