"""The commands that trace a table to its trials: explain, verify and bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ftlab.cli.options import Experiment, Overrides, Profile, Results
from ftlab.config.home import RESULTS, ftlab_home
from ftlab.config.loading import load_profile, parse_overrides
from ftlab.errors import ResultsError
from ftlab.study.spec import load_study
from ftlab.terminal.console import complain, say
from ftlab.tracking.opening import open_tracker

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.tracking.tracker import Tracker

app = typer.Typer()

TablePath = Annotated[Path, typer.Argument(help="Folder of a table below results/, or a file in it.")]
TablePaths = Annotated[
    list[Path] | None, typer.Argument(help="Folders of tables, or folders above them; by default results/.")
]
CellName = Annotated[
    str | None, typer.Option("--cell", help="Name of a cell or its value on an axis; by default every cell.")
]
Output = Annotated[Path | None, typer.Option(help="Folder for the bundle; by default one below bundles/.")]
Archive = Annotated[str | None, typer.Option(help="Also pack the folder into an archive beside it: zip or tar.gz.")]

BUNDLES = Path("bundles")


@app.command()
def explain(path: TablePath, cell: CellName = None) -> None:
    """Print the trials behind a cell of a table: runs, code, data, hardware, and how to train them again."""
    from ftlab.publish.results_folder import load_provenance, table_folder
    from ftlab.reporting.trace.explanation import explain_cell, explanation_lines, find_cell
    from ftlab.study.recorded_params import params_in_effect
    from ftlab.study.retraining import retraining_command

    provenance = load_provenance(table_folder(path))
    cells = provenance.definition.cells if cell is None else (find_cell(provenance.definition.cells, cell),)
    profile = load_profile(provenance.origin.profile)
    recorded = open_tracker(ftlab_home().local).load_trials()
    recorded["params"] = recorded["params"].map(params_in_effect)
    for chosen in cells:
        explanation = explain_cell(provenance, recorded, chosen)
        for line in explanation_lines(explanation):
            say(line)
        known = [trial.params for trial in explanation.trials if trial.params]
        if known:
            say("to train them again:")
        for params in known:
            say(" ", retraining_command(provenance.origin.profile, profile, params))


@app.command()
def verify(paths: TablePaths = None) -> None:
    """Recompute tables from the tracking store; name the cells that differ, and exit with status 1 if any does."""
    from ftlab.publish.results_folder import table_folder, table_folders

    roots = paths or [RESULTS]
    folders = sorted({folder for root in roots for folder in table_folders([root]) or [table_folder(root)]})
    tracker = open_tracker(ftlab_home().local)
    recorded = tracker.load_trials()
    failed = [folder for folder in folders if not _verify_folder(folder, tracker, recorded)]
    if failed:
        raise ResultsError(f"a table must match the tracking store, but {len(failed)} of {len(folders)} do not.")


@app.command()
def bundle(
    experiment: Experiment,
    profile: Profile = "digits",
    overrides: Overrides = None,
    results: Results = RESULTS,
    output: Output = None,
    archive: Archive = None,
) -> None:
    """Write a folder with a table and everything that it was made from, readable without a server."""
    from ftlab.publish.bundle.contents import collect_bundle
    from ftlab.publish.bundle.writing import archive_bundle, check_archive, write_bundle

    if archive:
        check_archive(archive)
    study = load_study(experiment, profile, overrides=parse_overrides(overrides or []))
    source, target = results / study.results_name, output or BUNDLES / study.results_name
    files = collect_bundle(study, source, open_tracker(ftlab_home().local))
    write_bundle(files, target, study.results_name)
    say(f"{target}: {len(files)} files")
    if archive:
        say(str(archive_bundle(files, target, archive)))


def _verify_folder(folder: Path, tracker: "Tracker", recorded: "pd.DataFrame") -> bool:
    """Print the findings about a folder, and return whether its tables match the tracking store."""
    from ftlab.publish.results_folder import has_table
    from ftlab.publish.task_files import verify_task_files

    try:
        tasks = verify_task_files(folder, recorded)
    except ResultsError as error:
        complain(str(error))
        return False
    for note in tasks.notes:
        say(f"{folder}: {note}")
    for problem in tasks.problems:
        complain(f"{folder}: {problem}")
    return (not has_table(folder) or _verify_table(folder, tracker, recorded)) and not tasks.problems


def _verify_table(folder: Path, tracker: "Tracker", recorded: "pd.DataFrame") -> bool:
    from ftlab.publish.image_outcomes import with_right_images
    from ftlab.publish.results_folder import load_provenance, read_drawn_files, read_table_files
    from ftlab.reporting.trace.verification import verify_table

    try:
        provenance = load_provenance(folder)
    except ResultsError as error:
        complain(str(error))
        return False
    drawn = read_drawn_files(folder, provenance.drawn)
    recorded = with_right_images(tracker, recorded, provenance.trial_keys)
    found = verify_table(provenance, read_table_files(folder), recorded, drawn)
    for note in found.notes:
        say(f"{folder}: {note}")
    for problem in found.problems:
        complain(f"{folder}: {problem}")
    if not found.problems:
        say(f"{folder}: {len(provenance.definition.cells)} cells, {len(provenance.trials)} trials, as recorded")
    return not found.problems
