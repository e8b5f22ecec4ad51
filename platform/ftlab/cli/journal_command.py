"""The command that brings in the trials of another home's journal: import-journal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from ftlab.config.home import Home, ftlab_home
from ftlab.config.loading import load_experiment
from ftlab.errors import ConfigError, TrackingError
from ftlab.importing.delivery import Delivery
from ftlab.importing.event import RecordError
from ftlab.importing.journal_folder import find_trial_files
from ftlab.importing.journal_import import Fate, JournalImport
from ftlab.importing.study_command import table_command
from ftlab.importing.trial_file import TrialFile, read_trial_file
from ftlab.running.claims import TrialClaims
from ftlab.terminal.console import complain, console, say
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import trials_frame

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker

app = typer.Typer()

Source = Annotated[
    str, typer.Argument(metavar="FROM", help="Another FTLAB_HOME, or its folder trials/; it is not changed.")
]

_MAX_NAMED = 20


@app.command()
def import_journal(source: Source) -> None:
    """Bring the trials that another FTLAB_HOME recorded into this one's journal and tracking store.

    Use it for trials that were trained on a machine that cannot reach the store. Every line is checked before anything
    is written; a file with a fault is named and left out. Existing records stay, so the same command again adds only
    what is missing. The exit status is 1 if a file was left out for a fault, or if the store did not take a trial.
    """
    home = ftlab_home()
    journal = Journal(home / "trials")
    faults: list[str] = []
    files = list(_checked(find_trial_files(source, journal.folder), faults))
    ended = [file.key for file in files if file.has_ended]
    store = _open_store(home) if ended else None
    fates = _take_in(files, home, journal, store, faults)
    _say_fates(files, fates)
    is_delivered = _deliver(ended, journal, store) if ended else True
    _say_studies(file.trial.study for file in files if fates.get(file.key) in (Fate.ADDED, Fate.KNOWN, Fate.DIFFERING))
    _complain_of(faults)
    if faults:
        complain(f"{len(faults)} files were left out for a fault.")
    if faults or not is_delivered:
        raise typer.Exit(1)


def _checked(paths: Sequence[Path], faults: list[str]) -> Iterable[TrialFile]:
    for path in track(paths, "Checking", console=console, disable=not console.is_terminal):
        try:
            yield read_trial_file(path)
        except TrackingError as error:
            faults.append(str(error))


def _open_store(home: Home) -> "tuple[MlflowTracker, pd.DataFrame] | None":
    """Open the store and load its trials; say so and return None if it does not answer."""
    try:
        tracker = open_tracker(home.local)
        tracker.reconcile()
        return tracker, tracker.load_trials()
    except TrackingError as error:
        complain(str(error))
        return None


def _take_in(
    files: Sequence[TrialFile],
    home: Home,
    journal: Journal,
    store: "tuple[MlflowTracker, pd.DataFrame] | None",
    faults: list[str],
) -> dict[str, Fate]:
    fates = {}
    with TrialClaims(home / "locks", journal) as claims:
        work = JournalImport(journal, claims, store[1] if store else trials_frame([]))
        for file in files:
            try:
                fates[file.key] = work.take_in(file)
            except RecordError as error:
                faults.append(str(error))
    _complain_of(work.differences)
    return fates


def _deliver(keys: Sequence[str], journal: Journal, store: "tuple[MlflowTracker, pd.DataFrame] | None") -> bool:
    """Deliver trials and print the result; return whether the store has all of them."""
    if store is None:
        complain(
            "Nothing was delivered to the tracking store; the records are kept, and the same command delivers them."
        )
        return False
    delivery = Delivery(store[0], journal, store[1])
    delivery.run(track(keys, "Recording", console=console, disable=not console.is_terminal))
    if delivery.delivered:
        say(f"{len(delivery.delivered)} trials: recorded in the tracking store")
    if delivery.problem:
        complain(delivery.problem)
    if delivery.undelivered:
        complain(
            f"{len(delivery.undelivered)} trials were not delivered to the tracking store; the records are kept, and "
            "the same command delivers them."
        )
    return not delivery.problem


def _say_fates(files: Sequence[TrialFile], fates: dict[str, Fate]) -> None:
    counts = Counter(fates.values())
    for fate in Fate:
        if counts[fate]:
            say(f"{counts[fate]} trials: {fate}")
    if not counts[Fate.ADDED]:
        say("nothing was added to the journal")
    unchecked = [file.num_unchecked for file in files if file.num_unchecked]
    if unchecked:
        say(f"{sum(unchecked)} lines of {len(unchecked)} trials have no checksum and are unchecked")


def _say_studies(studies: Iterable[str]) -> None:
    for study, count in sorted(Counter(studies).items()):
        say(f"{study}, {count} trials: {_shown_by(study)}")


def _shown_by(study: str) -> str:
    experiment = study.partition("/")[0]
    try:
        load_experiment(experiment)
    except ConfigError:
        # A search, a single trial, or an experiment of the other home.
        return f"make ui EXP={experiment}"
    return table_command(study)


def _complain_of(problems: Sequence[str]) -> None:
    for problem in problems[:_MAX_NAMED]:
        complain(problem)
    if len(problems) > _MAX_NAMED:
        complain(f"... and {len(problems) - _MAX_NAMED} more")
