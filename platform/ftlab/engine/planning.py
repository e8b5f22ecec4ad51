"""Plan a study: name its trials by their data, and find the missing ones."""

from dataclasses import replace

import pandas as pd

from ftlab.config.home import Home
from ftlab.running.checkpoints import existing_checkpoints
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.study.fingerprint import CheckedData, check_data
from ftlab.study.plan import Plan, make_plan
from ftlab.study.spec import StudySpec, Trial, expand_trials


def name_trials(study: StudySpec, home: Home) -> list[Trial]:
    """Return the trials of a study with their keys; decodes the data set the first time.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: The settings do not fit the number of images.
    """
    return expand_trials(study, _checked_data(study, home).fingerprint)


def plan_study(study: StudySpec, home: Home, recorded: pd.DataFrame, *, share: bool = True) -> Plan:
    """Return the plan of a study.

    Args:
        study: The study.
        home: Home of caches and checkpoints.
        recorded: The trials in the tracking store.
        share: Whether trials share prefixes.
    """
    data = _checked_data(study, home)
    trials = expand_trials(study, data.fingerprint)
    kept = KeptBackbones(home).keys()
    plan = make_plan(study, trials, recorded, existing_checkpoints(home), share=share, kept=kept)
    return replace(plan, data_notes=data.notes)


def _checked_data(study: StudySpec, home: Home) -> CheckedData:
    return check_data(study.data, (cell.config for cell in study.cells), home)
