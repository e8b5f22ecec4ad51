"""The command that prints the settings of every cell: config."""

import typer
import yaml

from ftlab.cli.options import Experiment, Overrides, Profile, Seeds, load_asked
from ftlab.terminal.console import console

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
