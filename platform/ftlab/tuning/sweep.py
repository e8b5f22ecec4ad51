"""What a sweep does around the training: find out what is missing, record it, and make the table of what there is."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from ftlab.config.experiment import Setting
from ftlab.config.home import Home
from ftlab.config.loading import experiments_folder, flatten
from ftlab.errors import FtlabError
from ftlab.reporting.ablation import AblationTable, Cell, ablate
from ftlab.reporting.cell_choice import shown_rows
from ftlab.reporting.figures import axis_figure, draw_axis_figure
from ftlab.reporting.histories import Histories
from ftlab.reporting.markdown import table_md
from ftlab.reporting.provenance import provenance
from ftlab.reporting.published import load_published
from ftlab.reporting.render import write_table
from ftlab.reporting.report import report_html, write_report
from ftlab.reporting.statistics import Interval
from ftlab.reporting.training_figures import training_figures, write_training_figures
from ftlab.tracking.tracker import EpochRecord, HistoryPart, Outcome, StudyRecord, Tracker, TrialRecord
from ftlab.tracking.writer import TrackingWriter
from ftlab.tuning.checkpoints import CheckpointCollector, existing_checkpoints
from ftlab.tuning.claims import TrialClaims
from ftlab.tuning.fingerprint import fingerprint_data
from ftlab.tuning.hardware import Hardware
from ftlab.tuning.identity import cell_key, trial_key
from ftlab.tuning.plan import Plan, is_settled, make_plan
from ftlab.tuning.provenance import collect_provenance
from ftlab.tuning.seeding.auto import AutoSeeds
from ftlab.tuning.seeding.table import make_seed_table
from ftlab.tuning.spec import StudySpec, Trial, axis_values, expand_trials

# More seeds hardly change the means that figures of training show, and a file is read for each.
MAX_SEEDS = 20


def name_trials(study: StudySpec, home: Home) -> list[Trial]:
    """Return the trials of a study with their keys; decodes the data set the first time.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: The settings do not fit the number of images.
    """
    configs = (cell.config for cell in study.cells)
    return expand_trials(study, fingerprint_data(study.data, configs, home))


def plan_study(study: StudySpec, home: Home, recorded: pd.DataFrame, *, share: bool = True) -> Plan:
    """Return what the study still lacks.

    Args:
        study: The study.
        home: Home of caches and checkpoints.
        recorded: What the tracking store holds.
        share: Whether trials share prefixes.
    """
    return make_plan(study, name_trials(study, home), recorded, existing_checkpoints(home), share=share)


def tabulate(
    study: StudySpec,
    trials: Sequence[Trial],
    recorded: pd.DataFrame,
    *,
    all_seeds: bool,
    auto: AutoSeeds | None = None,
    interval: Interval = "t",
) -> AblationTable:
    """Compute the study's table from what is recorded.

    Args:
        study: The study.
        trials: Its trials.
        recorded: What the tracking store holds.
        all_seeds: Whether every recorded seed of a cell counts, or only the study's; of no effect with ``auto``.
        auto: The rule that gave the seeds and its bound; None where every cell has the same.
        interval: How the intervals of means and of differences are made.
    """
    fingerprint = trials[0].fingerprint
    trial_keys: Mapping[str, tuple[str, ...]] = {}
    seeding = None
    if auto is not None:
        seed_table = make_seed_table(study, fingerprint, recorded, auto)
        trial_keys, seeding = seed_table.trial_keys, seed_table.seeding
    elif not all_seeds:
        trial_keys = {
            cell.name: tuple(trial_key(cell.with_seed(seed), fingerprint) for seed in study.seeds)
            for cell in study.cells
        }
    cells = [
        Cell(
            name=cell.name,
            axes=axis_values(study, cell),
            trial_keys=trial_keys.get(cell.name, ()),
            cell_key=cell_key(cell.config, fingerprint),
        )
        for cell in study.cells
    ]
    published = None
    if study.published is not None:
        file, series = study.published
        published = load_published(experiments_folder() / "published" / f"{file}.csv", series)
    return ablate(
        study.experiment,
        cells,
        recorded,
        metric=study.metric,
        title=study.question,
        baseline=study.baseline,
        protocol=study.protocol,
        published=published,
        seeding=seeding,
        interval=interval,
    )


def load_histories(tracker: Tracker, table: AblationTable, recorded: pd.DataFrame) -> Histories:
    """Load what the trials of those cells recorded that the table's figures show, of `MAX_SEEDS` seeds a cell at most.

    Args:
        tracker: The store.
        table: The table.
        recorded: What the store holds.
    """
    keys = [trial.trial_key for row in shown_rows(table) for trial in table.trials_of(row.cell)[:MAX_SEEDS]]
    parts = {str(part): tracker.load_history(keys, part) for part in HistoryPart}
    chosen = recorded[recorded["trial_key"].isin(keys)]
    return Histories(**parts, settings=dict(zip(chosen["trial_key"], chosen["params"], strict=True)))


def write_results(
    table: AblationTable, histories: Histories, folder: Path, recorded: pd.DataFrame, command: str
) -> list[Path]:
    """Write the table in every form, its figures and its report; unchanged content leaves the files alone.

    Figures of how the trials trained are in ``figures/``, where ``left_out.txt`` says why one is missing.

    Args:
        table: What to write.
        histories: What its trials recorded while they trained.
        folder: Where to.
        recorded: The trials that the table was computed from.
        command: What makes the table anew.
    """
    # Plotly takes a quarter of a second to import.
    from ftlab.reporting.pages.report_charts import report_charts

    figure, training = axis_figure(table), training_figures(table, histories)
    report = report_html(table, report_charts(figure, training), provenance(table, recorded), command)
    return [
        *write_table(table, folder),
        *draw_axis_figure(figure, folder / "figure.png"),
        *write_training_figures(training, folder / "figures"),
        write_report(folder, report),
    ]


def study_record(study: StudySpec) -> StudyRecord:
    """Return how the study is announced to the tracker."""
    tags = {
        "ftlab.profile": study.profile_name,
        "ftlab.metric": study.metric,
        "ftlab.overrides": json.dumps(dict(study.overrides)),
        "ftlab.question": study.question,
    }
    return StudyRecord(study.experiment, study.results_name, tags)


class TrialRecorder:
    """The listener that writes a running study to the tracker.

    Args:
        study: Name of the study that the trials are recorded under.
        writer: Where the records go.
        hardware: What the trials run on.
    """

    def __init__(self, study: str, writer: TrackingWriter, hardware: Hardware) -> None:
        self._study = study
        self._writer = writer
        self._hardware = hardware

    def trial_started(self, trial: Trial) -> None:
        """Open the trial's run."""
        self._writer.open_trial(trial_record(trial, self._study, self._hardware))

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """Record epochs."""
        self._writer.log_epochs(trial.key, epochs)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Close the trial's run."""
        self._writer.close_trial(trial.key, outcome)


class Housekeeper:
    """The listener that gives up what a trial held when it ends: its claim, and the checkpoints nobody needs.

    Args:
        claims: Claims of this process; the trial's end must be in the journal already.
        collector: Checkpoints of the study.
    """

    def __init__(self, claims: TrialClaims, collector: CheckpointCollector) -> None:
        self._claims = claims
        self._collector = collector

    def trial_started(self, trial: Trial) -> None:
        """Keep everything."""

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """Keep everything."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Give up the claim, and the checkpoints of a trial that needs no more training."""
        self._claims.release(trial.key)
        if is_settled(outcome.status, outcome.reason):
            self._collector.release(trial)


def trial_record(trial: Trial, study: str, hardware: Hardware) -> TrialRecord:
    """Return how a trial is announced to the tracker."""
    return TrialRecord(
        trial_key=trial.key,
        cell_key=trial.cell_key,
        seed=trial.config.seed,
        study=study,
        name=trial.name,
        params={name: _spell(value) for name, value in flatten(trial.config).items()},
        tags={**collect_provenance(), **hardware.tags(), "data.fingerprint": trial.fingerprint},
    )


def close_study(tracker: Tracker, plan: Plan, table: AblationTable, results: Path, *, complete: bool) -> None:
    """Attach table, figure, experiment, profile, resolved cells and plan to the study's parent run, and end it."""
    study = plan.study
    with TemporaryDirectory() as temporary:
        artifacts = Path(temporary) / "study"
        shutil.copytree(results, artifacts)
        for source in (f"{study.experiment}.yaml", f"profiles/{study.profile_name}.yaml"):
            shutil.copyfile(experiments_folder() / source, artifacts / source.replace("/", "-"))
        cells = {cell.name: flatten(cell.config) for cell in study.cells}
        (artifacts / "cells.yaml").write_text(yaml.safe_dump(cells, sort_keys=False))
        (artifacts / "plan.json").write_text(json.dumps(_plan_summary(plan), indent=2))
        description = f"{table_md(table)}\n{_reused_note(plan, table)}"
        tracker.close_study(study.results_name, description=description, artifacts=artifacts, complete=complete)


@contextmanager
def exclusive(home: Home, study: StudySpec) -> Iterator[None]:
    """Let one sweep of a study run at a time on this machine.

    Raises:
        FtlabError: Another process is running it.
    """
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{study.results_name.replace('/', '-')[:200]}.lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise FtlabError(
                f"a study must be run by one sweep at a time, but {study.results_name} is running already; "
                "wait for it, or stop it."
            ) from error
        yield


def _spell(value: Setting) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plan_summary(plan: Plan) -> dict[str, object]:
    return {
        "trials": [trial.key for trial in plan.trials],
        "reused": [trial.key for trial in plan.reused],
        "resumed": {trial.key: plan.start_epochs[trial.key] for trial in plan.resumable},
        "forked": {
            trial.key: {"from": plan.stages[trial.key].parent, "epoch": plan.start_epochs[trial.key]}
            for trial in plan.forked
        },
        "epochs_left": plan.epochs_left,
        "epochs_saved": plan.epochs_saved,
    }


def _reused_note(plan: Plan, table: AblationTable) -> str:
    runs = {trial.trial_key: trial.run_id for trial in table.trials}
    reused = [f"- {trial.name}: run `{runs[trial.key]}`" for trial in plan.reused if trial.key in runs]
    return "\n".join(["Trials recorded before this sweep:", "", *reused]) if reused else ""
