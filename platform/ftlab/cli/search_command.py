"""The commands of searches: search and optuna-ui. Optuna, MLflow and Ray are imported at use."""

from typing import Annotated

import typer

from ftlab.cli.options import Cpus, Gpus, Overrides, Port, Profile, Results
from ftlab.config.experiment import MAX_CELLS
from ftlab.config.home import RESULTS, ftlab_home
from ftlab.config.loading import parse_overrides
from ftlab.engine.search_run import run_search
from ftlab.machine.capacity import Capacity
from ftlab.terminal.console import console

app = typer.Typer()

Search = Annotated[
    str, typer.Argument(help="Name of a search: a file in experiments/ that holds a space, without .yaml.")
]
Trials = Annotated[
    int | None, typer.Option(max=MAX_CELLS, help="Configurations to evaluate; by default the search's number.")
]


@app.command()
def search(
    search: Search,
    profile: Profile = "digits",
    trials: Trials = None,
    overrides: Overrides = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    results: Results = RESULTS,
) -> None:
    """Search for the best settings, or continue a search, then write and print the results."""
    from ftlab.search.scope import load_search_spec

    spec = load_search_spec(search, profile, num_trials=trials, overrides=parse_overrides(overrides or []))
    raise typer.Exit(run_search(spec, Capacity(cpus, gpus), results))


@app.command(name="optuna-ui")
def optuna_ui(
    search: Annotated[str | None, typer.Argument(help="Search to link to.")] = None, port: Port = 8080
) -> None:
    """Serve optuna-dashboard on 127.0.0.1 until Ctrl-C, and print the link to the search."""
    from ftlab.search.dashboard import HOST, dashboard_path, make_dashboard
    from ftlab.search.storage import open_storage, storage_uri

    storage = open_storage(storage_uri(ftlab_home().local))
    with make_dashboard(storage, port) as server:
        console.print(f"http://{HOST}:{server.server_port}{dashboard_path(storage, search)}", soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
