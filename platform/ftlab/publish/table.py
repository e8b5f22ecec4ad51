"""The table of a study: its definition, its files and their provenance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ftlab.config.home import Home
from ftlab.config.loading import experiments_folder
from ftlab.errors import ResultsError
from ftlab.publish.image_outcomes import with_right_images
from ftlab.publish.judged_floors import load_floors
from ftlab.publish.results_folder import load_provenance
from ftlab.publish.table_files import load_histories, write_results
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.table.ablation import AblationTable, Cell
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.reporting.table.published import load_published
from ftlab.reporting.trace.definition import TableDefinition
from ftlab.reporting.trace.provenance import PROVENANCE_FILE, Origin, provenance_text, trace_table
from ftlab.reporting.writers.render import RENDERERS
from ftlab.seeding.auto import AUTO
from ftlab.seeding.shown_trials import make_seed_table
from ftlab.storage.atomic import write_if_changed
from ftlab.storage.made_files import MadeFiles
from ftlab.study.floors import reference_cell
from ftlab.study.identity import NUMERICS_VERSION, cell_key, trial_key
from ftlab.study.overrides import without_folder
from ftlab.study.spec import StudySpec, Trial, axis_values
from ftlab.tracking.tracker import Tracker


def tabulate(
    study: StudySpec,
    trials: Sequence[Trial],
    recorded: pd.DataFrame,
    options: TableOptions,
    floors: Sequence[FloorValues] = (),
) -> AblationTable:
    """Compute the study's table from the recorded trials; see `define_table`."""
    return define_table(study, trials, recorded, options, floors).tabulate(recorded)


def define_table(
    study: StudySpec,
    trials: Sequence[Trial],
    recorded: pd.DataFrame,
    options: TableOptions,
    floors: Sequence[FloorValues] = (),
) -> TableDefinition:
    """Return the definition of the study's table.

    Args:
        study: The study.
        trials: Its trials.
        recorded: The trials in the tracking store; with ``options.auto`` they decide which trials the table asks for.
        options: Options of the table.
        floors: Accuracies that no training reached, see `load_floors`.
    """
    fingerprint = trials[0].fingerprint
    trial_keys: Mapping[str, tuple[str, ...]] = {}
    seeding = None
    if options.auto is not None:
        seed_table = make_seed_table(study, fingerprint, recorded, options.auto)
        trial_keys, seeding = seed_table.trial_keys, seed_table.seeding
    elif not options.all_seeds:
        trial_keys = {
            cell.name: tuple(trial_key(cell.with_seed(seed), fingerprint) for seed in study.seeds)
            for cell in study.cells
        }
    cells = tuple(
        Cell(
            name=cell.name,
            axes=axis_values(study, cell),
            trial_keys=trial_keys.get(cell.name, ()),
            cell_key=cell_key(cell.config, fingerprint),
        )
        for cell in study.cells
    )
    published = None
    if study.published is not None:
        file, series = study.published
        published = load_published(experiments_folder() / "published" / f"{file}.csv", series)
    reference = reference_cell(study).config
    return TableDefinition(
        name=study.experiment,
        cells=cells,
        metric=study.metric,
        title=study.question,
        baseline=study.baseline,
        protocol=study.protocol,
        published=published,
        seeding=seeding,
        interval=options.interval,
        other_metrics=study.other_metrics,
        floors=tuple(floors),
        judged=reference.probe.protocols(),
        judged_on=reference.data.judged_on,
        caption=study.caption,
        tex_style=options.tex_style,
    )


def publish_table(
    study: StudySpec,
    trials: Sequence[Trial],
    recorded: pd.DataFrame,
    tracker: Tracker,
    folder: Path,
    options: TableOptions,
    *,
    home: Home,
    command: str,
) -> tuple[AblationTable, list[Path]]:
    """Write the study's table in every format, its figures, its report and its provenance below ``folder``.

    Args:
        study: The study.
        trials: Its trials.
        recorded: The trials in the tracking store.
        tracker: The store.
        folder: Folder of the files; unchanged files are left alone.
        options: Options of the table.
        home: Folder of everything ftlab keeps; its records of floors are shown.
        command: Command that makes the table anew.

    Returns:
        The table and the files.
    """
    definition = define_table(study, trials, recorded, options, load_floors(study, trials[0].fingerprint, home))
    recorded = with_right_images(tracker, recorded, definition.wanted(recorded))
    table = definition.tabulate(recorded)
    histories = load_histories(tracker, table, recorded)
    made = _made_before(folder)
    paths = write_results(table, histories, folder, recorded, command, made, options.tex_style)
    origin = table_origin(study, trials[0].fingerprint, options)
    path = folder / PROVENANCE_FILE
    drawn = {str(file.relative_to(folder)): file.read_bytes() for file in paths if file.name not in RENDERERS}
    provenance = trace_table(origin, definition, table, recorded, drawn, made.made_from)
    write_if_changed(path, provenance_text(provenance).encode())
    return table, [*paths, path]


def _made_before(folder: Path) -> MadeFiles:
    try:
        before = load_provenance(folder)
    except (ResultsError, OSError):
        return MadeFiles(folder)
    return MadeFiles(folder, before.drawn, before.drawn_from)


def table_origin(study: StudySpec, fingerprint: str, options: TableOptions) -> Origin:
    """Return the origin of a study's table.

    Args:
        study: The study.
        fingerprint: Digest of the data's content.
        options: Options of the table.
    """
    auto = options.auto
    seeds = AUTO if auto else None if options.all_seeds else len(study.seeds)
    # The folder of the files decides nothing, and may name a user.
    overrides = {name: without_folder(name, value) for name, value in study.overrides.items()}
    return Origin(
        study=study.results_name,
        experiment=study.experiment,
        profile=study.profile_name,
        overrides=overrides,
        seeds=seeds,
        max_trials=auto.max_trials if auto else None,
        fingerprint=fingerprint,
        numerics=NUMERICS_VERSION,
    )
