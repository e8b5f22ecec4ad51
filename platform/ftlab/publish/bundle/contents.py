"""Collect the files of a bundle, by name."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from ftlab.config.loading import experiments_folder, flatten
from ftlab.errors import ResultsError
from ftlab.publish.bundle.epochs import epochs_csv, histograms_parquet
from ftlab.publish.bundle.readme import bundle_readme
from ftlab.publish.bundle.redaction import Redaction, find_paths
from ftlab.publish.bundle.writing import CHECKSUMS, checksums
from ftlab.publish.image_outcomes import with_right_images
from ftlab.publish.results_folder import load_provenance, read_drawn_files, read_table_files
from ftlab.publish.task_files import verify_task_files
from ftlab.reporting.trace.explanation import PYTHON, VERSION
from ftlab.reporting.trace.provenance import Provenance, tags_by_trial
from ftlab.reporting.trace.verification import verify_table
from ftlab.study.identity import cell_key
from ftlab.study.spec import StudySpec
from ftlab.tracking.records import HistoryPart
from ftlab.tracking.tracker import Tracker

LOCK = "requirements.lock"
README = "README.md"


def collect_bundle(study: StudySpec, folder: Path, tracker: Tracker) -> dict[str, bytes]:
    """Return every file of a study's bundle by its path in it.

    Args:
        study: The study, as its files describe it now.
        folder: Folder of its results.
        tracker: The tracker that recorded its trials.

    Raises:
        ResultsError: The results differ from the tracking store, or the experiment was edited since.
    """
    provenance, recorded = load_provenance(folder), tracker.load_trials()
    _check_spec(study, provenance)
    _check_results(provenance, folder, with_right_images(tracker, recorded, provenance.trial_keys))
    keys = list(dict.fromkeys(trial.trial_key for trial in provenance.trials))
    histories = tracker.load_histories(keys, (HistoryPart.METRICS, HistoryPart.HISTOGRAMS))
    metrics, histograms = histories[HistoryPart.METRICS], histories[HistoryPart.HISTOGRAMS]
    tags = tags_by_trial(provenance.select(recorded))
    cells = {cell.name: flatten(cell.config) for cell in study.cells}
    redaction = Redaction(
        find_paths([study.overrides, *cells.values()]),
        frozenset(trial["hardware.host"] for trial in tags.values() if "hardware.host" in trial),
    )
    files = redaction.apply(
        {
            **{path.relative_to(folder).as_posix(): path.read_bytes() for path in _visible(folder)},
            **_spec_files(study),
            "cells.yaml": yaml.safe_dump(cells, sort_keys=False).encode(),
            "epochs.csv": epochs_csv(provenance.trials, metrics).encode(),
            "histograms.parquet": histograms_parquet(provenance.trials, histograms),
            LOCK: _lock(),
        }
    )
    unmeasured = len(set(keys) - set(metrics["trial_key"]))
    readme = bundle_readme(provenance, [*files, CHECKSUMS], _versions(tags), unmeasured)
    files[README] = readme.encode()
    return {**files, CHECKSUMS: checksums(files)}


def _check_spec(study: StudySpec, provenance: Provenance) -> None:
    now = {cell.name: cell_key(cell.config, provenance.origin.fingerprint) for cell in study.cells}
    then = {cell.name: cell.cell_key for cell in provenance.definition.cells}
    changed = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    if changed:
        raise ResultsError(
            f"a bundle holds the experiment that its table came from, but {study.results_name} was edited since: cells "
            f"{', '.join(changed)} differ. Write the table anew: make sweep EXP={study.experiment}"
        )


def _check_results(provenance: Provenance, folder: Path, recorded: pd.DataFrame) -> None:
    drawn = read_drawn_files(folder, provenance.drawn)
    tasks = verify_task_files(folder, recorded)
    problems = (*verify_table(provenance, read_table_files(folder), recorded, drawn).problems, *tasks.problems)
    if problems:
        raise ResultsError(
            f"a bundle holds a table that the tracking store confirms, but {folder} differs: {problems[0]} "
            f"({len(problems)} in all). See them: make verify RESULTS={folder}"
        )


def _visible(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]


def _spec_files(study: StudySpec) -> dict[str, bytes]:
    names = [f"{study.experiment}.yaml", f"profiles/{study.profile_name}.yaml"]
    if study.published is not None:
        names.append(f"published/{study.published[0]}.csv")
    return {f"spec/{name}": (experiments_folder() / name).read_bytes() for name in names}


def _lock() -> bytes:
    path = Path(__file__).parents[4] / LOCK
    if not path.is_file():
        raise ResultsError(
            f"a bundle holds {LOCK} of the checkout, but there is no {path}; install ftlab by make setup."
        )
    return path.read_bytes()


def _versions(tags: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    names = sorted({name for trial in tags.values() for name in trial if name == PYTHON or name.startswith(VERSION)})
    return {
        name.removeprefix(VERSION): sorted({trial[name] for trial in tags.values() if name in trial}) for name in names
    }
