"""The commands about files of settings: list, config prints those of every cell, schema is for editors."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from ftlab.cli.options import Experiment, Overrides, Profile, Results, Seeds, load_asked
from ftlab.config.home import RESULTS, ftlab_home
from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder, load_profile
from ftlab.engine.file_overview import find_experiments, find_profiles, find_searches
from ftlab.terminal.console import console, say
from ftlab.terminal.fitted_table import Column, FittedTable
from ftlab.terminal.phase import phase

app = typer.Typer()

_QUESTION, _TIME = Column("question", is_prose=True), Column("time", rank=1)


@app.command("list")
def list_files(profile: Profile = "digits", results: Results = RESULTS) -> None:
    """List experiments, searches and profiles: the question of each, how much of it is done, and its time."""
    # Asked for here, so that a profile that is misspelt is one message.
    load_profile(profile)
    with phase("counting the trials that are done"):
        experiments = list(find_experiments(profile, ftlab_home()))
        searches, profiles = list(find_searches(profile, results)), list(find_profiles())
    columns = [Column("experiment"), _QUESTION, Column(f"state at {profile}"), _TIME]
    rows = [[file.name, file.question, file.state, file.time] for file in experiments]
    searched = [[file.name, file.question, file.state, file.time] for file in searches]
    tables = [
        (columns, rows),
        ([Column("search"), *columns[1:]], searched),
        ([Column("profile"), Column("meant for", is_prose=True)], [[file.name, file.question] for file in profiles]),
    ]
    for place, (headings, lines) in enumerate(table for table in tables if table[1]):
        if place:
            say("")
        console.print(FittedTable(headings, lines, console.width).render(), soft_wrap=not console.is_terminal)


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
