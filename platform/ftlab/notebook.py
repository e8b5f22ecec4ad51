"""The functions for notebooks and scripts: plan and sweep a table, and read its numbers as data frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.study.plan import Plan
    from ftlab.study.spec import StudySpec

Value = str | int | float | bool | list[float] | None

YES_OR_NO = ("is_best", "is_floor", "same_protocol")


@dataclass(frozen=True)
class SweepPlan:
    """The trials of a table, and what a sweep of it would train.

    Attributes:
        trials: A row a trial: ``trial_key``, ``cell``, ``seed``, ``state`` and ``epochs``, the number that it would
            train. The state is ``reused`` (recorded, nothing to train), ``resumed`` (from a checkpoint), ``forked``
            (from the checkpoint of a trial with the same beginning) or ``new``.
        epochs_left: Epochs to train, in all.
        summary: The same in a line.
    """

    trials: "pd.DataFrame"
    epochs_left: int
    summary: str

    def __str__(self) -> str:
        return self.summary


def plan(
    experiment: str,
    profile: str = "digits",
    *,
    seeds: int | None = None,
    settings: Mapping[str, Value] | None = None,
    share: bool = True,
) -> SweepPlan:
    """Return what a sweep would train, without training anything; decodes the data set the first time.

    Args:
        experiment: Name of a file in ``experiments/``, without its ending.
        profile: Name of a file in ``experiments/profiles/``, without its ending.
        seeds: Trials a cell; None takes the experiment's number.
        settings: Settings for every trial by dotted name, as ``SET`` of the command line.
        share: Whether common prefixes of trials are trained once.

    Raises:
        FtlabError: A name or a value is wrong; the message names the nearest valid choice.

    >>> import ftlab
    >>> planned = ftlab.plan("momentum", seeds=1, settings={"train.epochs": 2})  # doctest: +SKIP
    >>> print(planned)  # doctest: +SKIP
    9 trials: 9 new, 0 resumed, 0 reused; 18 epochs to train
    >>> planned.trials["state"].value_counts().to_dict()  # doctest: +SKIP
    {'new': 9}
    """
    from ftlab.config.home import ftlab_home
    from ftlab.engine.planning import plan_study
    from ftlab.terminal.plan_listing import plan_summary
    from ftlab.tracking.opening import open_tracker

    study = _load_study(experiment, profile, seeds, settings)
    home = ftlab_home()
    found = plan_study(study, home, open_tracker(home.local).load_trials(), share=share)
    return SweepPlan(_plan_frame(found), found.epochs_left, plan_summary(found))


def sweep(
    experiment: str,
    profile: str = "digits",
    *,
    seeds: int | None = None,
    settings: Mapping[str, Value] | None = None,
    cpus: int | None = None,
    gpus: int | None = None,
    share: bool = True,
    results: str | PathLike[str] = "results",
) -> Path:
    """Train the trials that a table lacks, record them, and write the table; return its folder.

    It does and prints what ``make sweep`` does; what it trained is trained by neither again.

    Args:
        experiment: Name of a file in ``experiments/``, without its ending.
        profile: Name of a file in ``experiments/profiles/``, without its ending.
        seeds: Trials a cell; None takes the experiment's number.
        settings: Settings for every trial by dotted name, as ``SET`` of the command line.
        cpus: CPU cores to use; None takes all.
        gpus: GPUs to use; None takes all.
        share: Whether common prefixes of trials are trained once.
        results: Folder of tables and figures.

    Raises:
        FtlabError: A name or a value is wrong, trials failed, or the tracking store did not take a record.
        KeyboardInterrupt: It was stopped; the same call goes on.

    >>> import ftlab
    >>> folder = ftlab.sweep("momentum", seeds=1, settings={"train.epochs": 2})  # doctest: +SKIP, +ELLIPSIS
    9 trials: 9 new, 0 resumed, 0 reused; 18 epochs to train
    ...
    >>> folder.as_posix()  # doctest: +SKIP
    'results/momentum/digits+train.epochs=2'
    """
    from ftlab.engine.sweep import run_sweep
    from ftlab.machine.capacity import Capacity
    from ftlab.publish.table_options import TableOptions
    from ftlab.terminal.console import INTERRUPTED

    study = _load_study(experiment, profile, seeds, settings)
    status = run_sweep(study, Capacity(cpus, gpus), Path(results), TableOptions(all_seeds=seeds is None), share=share)
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status:
        raise ResultsError("every trial of a table must be trained and recorded, but some are not; see above.")
    return Path(results) / study.results_name


def load_table(folder: str | PathLike[str]) -> "pd.DataFrame":
    """Load the table in a folder of results: a row a cell, then the floors, by the names of the rows.

    Counts are whole numbers, ``is_best``, ``is_floor`` and ``same_protocol`` are true or false, and what is not defined
    is missing. The page *Results: files and columns* explains each column.

    Args:
        folder: The folder of a table, or a file in it.

    Raises:
        ResultsError: It holds no table.

    >>> import ftlab
    >>> table = ftlab.load_table("docs/results/tables/partner/digits")
    >>> table.loc[~table["is_floor"], "mean"].round(1).head(2).to_dict()
    {'none': 95.2, 'start=0.0 partner=live': 61.3}
    """
    from ftlab.publish.results_folder import TABLE_FILE

    table = _read_csv(folder, TABLE_FILE).set_index("cell")
    for name in table.columns:
        if name in YES_OR_NO:
            table[name] = table[name].map({"yes": True, "no": False}).astype("boolean")
        elif name in ("n", "comparisons") or name.startswith("n_"):
            table[name] = table[name].astype("Int64")
    return table.astype({"is_floor": "bool"})


def load_trials(folder: str | PathLike[str]) -> "pd.DataFrame":
    """Load the trials of a table: a row a trial with its cell, seed, status and the last value of each metric.

    Args:
        folder: The folder of a table, or a file in it.

    Raises:
        ResultsError: It holds no table.

    >>> import ftlab
    >>> trials = ftlab.load_trials("docs/results/tables/partner/digits")
    >>> trials.groupby("status")["seed"].count().to_dict()
    {'collapsed': 3, 'degenerate': 6, 'finished': 26}
    """
    return _read_csv(folder, "trials.csv")


def load_epochs(folder: str | PathLike[str]) -> "pd.DataFrame":
    """Load each epoch's metrics of a table's trials from the tracking store.

    Args:
        folder: The folder of a table, or a file in it.

    Returns:
        A row a value: ``cell``, ``seed``, ``trial_key``, ``epoch`` from 1, ``name`` and ``value``.

    Raises:
        ResultsError: It holds no table.
        TrackingError: The store does not answer.

    >>> import ftlab
    >>> epochs = ftlab.load_epochs("results/momentum/digits+train.epochs=2")  # doctest: +SKIP
    >>> epochs.query("name == 'pretrain/loss'").groupby("epoch")["value"].count().to_dict()  # doctest: +SKIP
    {1: 9, 2: 9}
    """
    from ftlab.config.home import ftlab_home
    from ftlab.publish.results_folder import load_provenance, table_folder
    from ftlab.tracking.opening import open_tracker
    from ftlab.tracking.records import HistoryPart
    from ftlab.tracking.tracker import load_history

    trials = load_provenance(table_folder(Path(folder))).trials
    keys = [trial.trial_key for trial in trials]
    epochs = load_history(open_tracker(ftlab_home().local), keys, HistoryPart.METRICS)
    for place, name in enumerate(("cell", "seed")):
        epochs.insert(place, name, epochs["trial_key"].map({trial.trial_key: getattr(trial, name) for trial in trials}))
    return epochs


def _load_study(experiment: str, profile: str, seeds: int | None, settings: Mapping[str, Value] | None) -> "StudySpec":
    from ftlab.study.spec import load_study

    return load_study(experiment, profile, num_seeds=seeds, overrides=settings)


def _plan_frame(found: "Plan") -> "pd.DataFrame":
    import pandas as pd

    states = dict.fromkeys((trial.key for trial in found.todo), "new")
    states |= dict.fromkeys((trial.key for trial in found.resumable), "resumed")
    states |= dict.fromkeys((trial.key for trial in found.forked), "forked")
    rows = [
        {
            "trial_key": trial.key,
            "cell": trial.cell,
            "seed": trial.config.seed,
            "state": states.get(trial.key, "reused"),
            "epochs": found.stages[trial.key].epochs if trial.key in found.stages else 0,
        }
        for trial in found.trials
    ]
    return pd.DataFrame(rows)


def _read_csv(folder: str | PathLike[str], name: str) -> "pd.DataFrame":
    import pandas as pd

    from ftlab.publish.results_folder import table_folder

    path = table_folder(Path(folder)) / name
    if not path.is_file():
        raise ResultsError(f"the folder of a table must hold {name}, but {path} is missing; make table makes it anew.")
    # Only what is empty is missing: a cell may be named none.
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    # Texts that a spreadsheet would run have a quote before them.
    texts = frame.select_dtypes(["object", "string"]).columns
    frame[texts] = frame[texts].replace(r"^'(?=[=+\-@\t\r])", "", regex=True)
    return frame
